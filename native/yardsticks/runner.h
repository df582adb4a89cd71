/*
 * A vCPU's thread, which can be stopped from outside and sent in again.
 *
 * It is stopped by a signal that is blocked in the thread, except inside KVM_RUN
 * (KVM_SET_SIGNAL_MASK): a kick that comes too early is not lost, it stays pending and ends the
 * next KVM_RUN at once. The guest must not leave by itself.
 *
 * The thread, and the one that starts it, are kept on a processor each. Whichever waits for the other
 * looks for a while before it sleeps, as waking up takes long.
 */
#ifndef RUNNER_H
#define RUNNER_H

#include "flat.h"

#include <pthread.h>
#include <stdatomic.h>

/* What to do on the vCPU's thread, where the vCPU's ioctls are fastest. */
typedef void vcpuFunction(void *context);

struct runner {
    struct flatVcpu vcpu;
    vcpuFunction *afterExit;   /* while the one who kicked goes on; may be NULL */
    vcpuFunction *beforeEntry; /* may be NULL */
    void *context;             /* given to both */
    _Atomic uint64_t entryNanos;
    _Atomic uint32_t state, sleepers;
    pid_t threadId;
    pthread_t thread;
};

/* Fill in the first four fields before. Returns with the thread waiting to enter the guest. */
void runnerStart(struct runner *runner);

/* Sends the guest in, after what afterExit and beforeEntry do. */
void runnerResume(struct runner *runner);

/* Returns as soon as the vCPU is out of the guest. */
void runnerStop(struct runner *runner);

/* Waits until afterExit is done, too. */
void runnerAwaitPaused(struct runner *runner);

/* When the thread was about to enter the guest, after the last runnerResume. */
uint64_t runnerEntryNanos(const struct runner *runner);

/* Ends the thread, wherever it is, and the vCPU. */
void runnerClose(struct runner *runner);

#endif
