/*
 * What every guest program sees: its entry point, the doorbell and a few instructions.
 * The contract with the virtual machine monitor is in README.md.
 *
 * Several vCPUs may run one image at once, so programs keep their state in their workspace, on
 * the stack and in registers. guest.ld refuses to link a writable global.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdint.h>

enum {
    PAGE_SIZE = 4096,
};

/* Exit codes shared by all programs. */
enum {
    EXIT_DONE = 0,
    EXIT_WORKSPACE_TOO_SMALL = 2,
    EXIT_BAD_BOOT = 3, /* PVH only: no usable start block or memory map */
};

/* Doorbell registers: GPAs of 8 bytes each, accessed only as aligned 64-bit words. */
enum {
    DOORBELL_EXIT = 0xd0000000,
    DOORBELL_PROGRESS = 0xd0000008,
    DOORBELL_ECHO = 0xd0000010,
    DOORBELL_DETAIL = 0xd0000018,
};

/*
 * The program. The workspace starts page-aligned and belongs to this vCPU alone; 0 in any of the
 * last four parameters asks for the program's default.
 */
_Noreturn void program(uint64_t workspace, uint64_t byteSize, uint64_t rdx, uint64_t rcx,
                       uint64_t r8, uint64_t r9);

/* Stops the VM with a code. exit-flat.c or exit-pvh.c, whichever is linked in. */
_Noreturn void stop(uint64_t code);

/* Gives a word of diagnosis, such as a GPA, before stop(). In the same files. */
void reportDetail(uint64_t detail);

/* One plain mov each, which every KVM instruction emulator knows. */
static inline void ringDoorbell(uint32_t gpa, uint64_t value)
{
    asm volatile("movq %1, (%0)" : : "r"((uint64_t)gpa), "r"(value) : "memory");
}

static inline uint64_t readDoorbell(uint32_t gpa)
{
    uint64_t value;
    asm volatile("movq (%1), %0" : "=r"(value) : "r"((uint64_t)gpa) : "memory");
    return value;
}

static inline void reportProgress(uint64_t count)
{
    ringDoorbell(DOORBELL_PROGRESS, count);
}

static inline uint64_t readTsc(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static inline void pauseCpu(void)
{
    asm volatile("pause");
}

static inline uint64_t orDefault(uint64_t argument, uint64_t defaultValue)
{
    return argument != 0 ? argument : defaultValue;
}

#endif
