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

enum {
    FLAT_PAGE_BYTES = 4096,
    FLAT_MAXIMUM_SLOTS = 2,
};

/* Guest memory is one mapping: up to 3 GiB of it from GPA 0, and what is left from GPA 4 GiB. */
struct flatVm {
    int fd;
    uint8_t *memory;
    size_t byteSize;
    unsigned slotCount;
    struct kvm_userspace_memory_region slots[FLAT_MAXIMUM_SLOTS];
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

/* /dev/kvm, opened once for the process. */
int flatKvm(void);

/* Whether KVM logs what the guest writes to: with manual protection, by pages of 4 KiB. */
enum flatTracking {
    FLAT_UNTRACKED,
    FLAT_DIRTY_LOG,
};

/*
 * A VM with an image in anonymous memory, a multiple of 2 MiB from 4 MiB to 64 GiB; in huge pages
 * where the host has them.
 */
struct flatVm flatOpen(const char *imagePath, size_t ramByteSize, enum flatTracking tracking);

/* Only anonymous memory for it, all zeroes. */
uint8_t *flatAllocate(size_t byteSize);

/* Only its contents: page tables and an image, in a mapping of the caller's that is all zeroes. */
void flatLoad(uint8_t *memory, size_t byteSize, const char *imagePath);

/* Only the VM, around memory that stays the caller's until flatClose unmaps it. */
struct flatVm flatAround(uint8_t *memory, size_t byteSize, enum flatTracking tracking);
void flatClose(struct flatVm *vm);

/* The largest workspace: all that the guest has from 4 MiB or, beyond 3 GiB, from GPA 4 GiB on. */
struct flatArguments flatWorkspace(const struct flatVm *vm);

/* Where a GPA of the guest's memory is mapped. */
uint8_t *flatAt(const struct flatVm *vm, uint64_t gpa);

/* A vCPU with the host's CPUID, as KVM resets it; and one that is about to enter the image. */
struct flatVcpu flatCreateVcpu(const struct flatVm *vm, unsigned index);
struct flatVcpu flatAddVcpu(const struct flatVm *vm, unsigned index,
                            const struct flatArguments *arguments);
void flatCloseVcpu(struct flatVcpu *vcpu);

/* Runs to the next exit, which must be a doorbell write; returns its register's GPA and value. */
uint64_t flatRunToDoorbell(const struct flatVcpu *vcpu, uint64_t *value);

/* Prints the message and errno's meaning, and exits with 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* An ioctl that must succeed; returns what it returns. */
int requireIoctl(int fd, unsigned long request, const char *name, unsigned long argument);

#define IOCTL(fd, request, argument) \
    requireIoctl(fd, request, #request, (unsigned long)(argument))

#endif
