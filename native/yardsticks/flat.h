/*
 * Boots a flat guest on /dev/kvm as native/guests/README.md describes. Every function ends the
 * process with a message if a system call fails: a yardstick has nothing to fall back on.
 */
#ifndef FLAT_H
#define FLAT_H

#include <linux/kvm.h>
#include <stdint.h>
#include <stddef.h>

enum {
    FLAT_WORKSPACE = 0x400000,
};

#define DOORBELL_EXIT 0xd0000000u
#define DOORBELL_PROGRESS 0xd0000008u
#define DOORBELL_ECHO 0xd0000010u
#define DOORBELL_DETAIL 0xd0000018u

struct flatVm {
    int kvmFd;
    int vmFd;
    uint8_t *memory; /* GPA 0 */
    size_t byteSize;
};

struct flatVcpu {
    int fd;
    struct kvm_run *run;
    size_t runByteSize;
};

/* The registers at entry; 0 asks for the program's default. */
struct flatArguments {
    uint64_t workspace, workspaceByteSize, rdx, rcx, r8, r9;
};

/* RAM is anonymous memory: a multiple of 2 MiB, at least 4 MiB, at most 3 GiB. */
struct flatVm flatOpen(const char *imagePath, size_t ramByteSize);
void flatClose(struct flatVm *vm);

struct flatVcpu flatAddVcpu(const struct flatVm *vm, unsigned index,
                            const struct flatArguments *arguments);
void flatCloseVcpu(struct flatVcpu *vcpu);

/* Runs to the next exit, which must be a doorbell write; returns its register's GPA and value. */
uint64_t flatRunToDoorbell(const struct flatVcpu *vcpu, uint64_t *value);

/* Prints the message and errno's meaning, and exits with 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
