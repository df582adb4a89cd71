#define _GNU_SOURCE
#include "runner.h"

#include "cores.h"
#include "samples.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    KERNEL_SIGSET_BYTES = 8,
    SPIN_NANOS = 200 * 1000, /* as long as a kick takes and saving a state */
    LOOKS_PER_READING_OF_THE_CLOCK = 64,
};

/* Each change is made by one side only, and wakes the other if that sleeps. */
enum {
    RUNNING, /* set by the one who resumes */
    OUT,     /* set by the vCPU's thread: not in the guest, but busy */
    PAUSED,  /* set by the vCPU's thread */
    CLOSING, /* set by the one who closes */
};

static void setState(struct runner *runner, uint32_t state)
{
    atomic_store(&runner->state, state);
    if (atomic_load(&runner->sleepers) != 0) {
        syscall(SYS_futex, &runner->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static int changesSoon(struct runner *runner, uint32_t state)
{
    uint64_t start = nowNanos();
    do {
        for (int i = 0; i < LOOKS_PER_READING_OF_THE_CLOCK; i++) {
            if (atomic_load(&runner->state) != state) {
                return 1;
            }
            __builtin_ia32_pause();
        }
    } while (nowNanos() - start < SPIN_NANOS);
    return 0;
}

/* A sleeper is counted before it looks again, so one of the two sees the other. */
static void waitWhile(struct runner *runner, uint32_t state)
{
    if (changesSoon(runner, state)) {
        return;
    }
    atomic_fetch_add(&runner->sleepers, 1);
    while (atomic_load(&runner->state) == state) {
        syscall(SYS_futex, &runner->state, FUTEX_WAIT_PRIVATE, state, NULL, NULL, 0);
    }
    atomic_fetch_sub(&runner->sleepers, 1);
}

/* ---- the vCPU's thread ---- */

static sigset_t kickSignals(void)
{
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, SIGRTMIN);
    return kick;
}

static void unblockKickInGuest(const struct runner *runner)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    sigdelset(&blocked, SIGRTMIN);
    struct {
        struct kvm_signal_mask head;
        uint8_t set[KERNEL_SIGSET_BYTES];
    } mask = {.head.len = KERNEL_SIGSET_BYTES};
    memcpy(mask.head.sigset, &blocked, KERNEL_SIGSET_BYTES);
    IOCTL(runner->vcpu.fd, KVM_SET_SIGNAL_MASK, &mask);
}

static void runUntilKicked(const struct runner *runner)
{
    if (ioctl(runner->vcpu.fd, KVM_RUN, 0) == 0 || errno != EINTR) {
        fail("KVM_RUN ended with exit reason %u without a kick", runner->vcpu.run->exit_reason);
    }
    struct timespec now = {0};
    sigset_t kick = kickSignals();
    if (sigtimedwait(&kick, NULL, &now) != SIGRTMIN) {
        fail("KVM_RUN was interrupted by another signal than the kick");
    }
}

static void call(vcpuFunction *function, void *context)
{
    if (function != NULL) {
        function(context);
    }
}

static void *vcpuThread(void *argument)
{
    struct runner *runner = argument;
    keepOnCore(VCPU_CORE);
    unblockKickInGuest(runner);
    runner->threadId = syscall(SYS_gettid);
    setState(runner, PAUSED);
    for (;;) {
        waitWhile(runner, PAUSED);
        if (atomic_load(&runner->state) == CLOSING) {
            return NULL;
        }
        call(runner->beforeEntry, runner->context);
        atomic_store(&runner->entryNanos, nowNanos());
        runUntilKicked(runner);
        setState(runner, OUT);
        call(runner->afterExit, runner->context);
        setState(runner, PAUSED);
    }
}

/* ---- whoever controls it ---- */

static void ignoreSignal(int number)
{
    (void)number;
}

/* The default action of the signal would end the process; the handler never runs. */
static void prepareKickSignal(void)
{
    struct sigaction action = {.sa_handler = ignoreSignal};
    sigaction(SIGRTMIN, &action, NULL);
    sigset_t kick = kickSignals();
    pthread_sigmask(SIG_BLOCK, &kick, NULL);
}

void runnerStart(struct runner *runner)
{
    prepareKickSignal();
    keepOnCore(CALLERS_CORE);
    atomic_store(&runner->state, OUT);
    errno = pthread_create(&runner->thread, NULL, vcpuThread, runner);
    if (errno != 0) {
        fail("pthread_create");
    }
    waitWhile(runner, OUT);
}

void runnerAwaitPaused(struct runner *runner)
{
    waitWhile(runner, OUT);
}

void runnerResume(struct runner *runner)
{
    waitWhile(runner, OUT);
    atomic_store(&runner->entryNanos, 0);
    setState(runner, RUNNING);
}

void runnerStop(struct runner *runner)
{
    if (syscall(SYS_tgkill, getpid(), runner->threadId, SIGRTMIN) != 0) {
        fail("tgkill");
    }
    waitWhile(runner, RUNNING);
}

uint64_t runnerEntryNanos(const struct runner *runner)
{
    uint64_t nanos;
    while ((nanos = atomic_load(&runner->entryNanos)) == 0) {
        sched_yield();
    }
    return nanos;
}

void runnerClose(struct runner *runner)
{
    if (atomic_load(&runner->state) == RUNNING) {
        runnerStop(runner);
    }
    waitWhile(runner, OUT);
    setState(runner, CLOSING);
    pthread_join(runner->thread, NULL);
    flatCloseVcpu(&runner->vcpu);
}
