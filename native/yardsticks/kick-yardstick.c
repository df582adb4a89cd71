/*
 * How fast a running vCPU can be stopped from outside:
 *
 *   kick-yardstick GUESTS_DIR ITERATIONS|--stdin
 *
 * One sample runs from the call of tgkill to the moment the caller sees that the vCPU thread has
 * left KVM_RUN. The signal is blocked in that thread, except inside KVM_RUN (KVM_SET_SIGNAL_MASK),
 * so a kick that comes too early is not lost: it stays pending and ends the next KVM_RUN at once.
 * Between kicks the guest runs for 200 microseconds or more.
 */
#define _GNU_SOURCE
#include "flat.h"
#include "samples.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    RAM_BYTES = 256 << 20,
    RUN_NANOS = 200 * 1000,
    WARM_UP_KICKS = 100,
    KERNEL_SIGSET_BYTES = 8,
};

static const uint64_t LONGEST_WAIT_NANOS = 10ul * 1000 * 1000 * 1000;

/* The vCPU's state. Each change is made by one side only, and wakes the other. */
enum {
    RUNNING, /* set by the main thread */
    PAUSED,  /* set by the vCPU thread */
    CLOSING, /* set by the main thread */
};

struct kickable {
    struct flatVcpu vcpu;
    const volatile uint64_t *guestCounter; /* in its workspace */
    int kickSignal;
    _Atomic uint32_t state;
    pid_t threadId;
};

static void setState(struct kickable *kickable, uint32_t state)
{
    atomic_store(&kickable->state, state);
    syscall(SYS_futex, &kickable->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void waitWhile(struct kickable *kickable, uint32_t state)
{
    while (atomic_load(&kickable->state) == state) {
        syscall(SYS_futex, &kickable->state, FUTEX_WAIT_PRIVATE, state, NULL, NULL, 0);
    }
}

/* ---- the vCPU thread ---- */

static void unblockKickInGuest(const struct kickable *kickable)
{
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    sigdelset(&blocked, kickable->kickSignal);
    struct {
        struct kvm_signal_mask head;
        uint8_t set[KERNEL_SIGSET_BYTES];
    } mask = {.head.len = KERNEL_SIGSET_BYTES};
    memcpy(mask.head.sigset, &blocked, KERNEL_SIGSET_BYTES);
    if (ioctl(kickable->vcpu.fd, KVM_SET_SIGNAL_MASK, &mask) != 0) {
        fail("KVM_SET_SIGNAL_MASK");
    }
}

static void runUntilKicked(const struct kickable *kickable, const sigset_t *kick)
{
    if (ioctl(kickable->vcpu.fd, KVM_RUN, 0) == 0 || errno != EINTR) {
        fail("KVM_RUN ended with exit reason %u without a kick",
             kickable->vcpu.run->exit_reason);
    }
    struct timespec now = {0};
    if (sigtimedwait(kick, NULL, &now) != kickable->kickSignal) {
        fail("KVM_RUN was interrupted by another signal than the kick");
    }
}

static void *vcpuThread(void *argument)
{
    struct kickable *kickable = argument;
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, kickable->kickSignal);
    unblockKickInGuest(kickable);
    kickable->threadId = syscall(SYS_gettid);
    setState(kickable, PAUSED);
    for (;;) {
        waitWhile(kickable, PAUSED);
        if (atomic_load(&kickable->state) == CLOSING) {
            return NULL;
        }
        runUntilKicked(kickable, &kick);
        setState(kickable, PAUSED);
    }
}

/* ---- the main thread ---- */

/* On a busy host, longer than asked: until the guest has counted on, or the kick is of no guest. */
static void letGuestRun(const struct kickable *kickable, uint64_t nanos)
{
    uint64_t count = *kickable->guestCounter;
    uint64_t start = nowNanos(), elapsed = 0;
    while (elapsed < nanos || *kickable->guestCounter == count) {
        elapsed = nowNanos() - start;
        if (elapsed > LONGEST_WAIT_NANOS) {
            errno = 0;
            fail("the guest did not run for %" PRIu64 " ns", elapsed);
        }
    }
}

static void measureKicks(void *context, uint64_t *samples, size_t count)
{
    struct kickable *kickable = context;
    for (size_t i = 0; i < count; i++) {
        setState(kickable, RUNNING);
        letGuestRun(kickable, RUN_NANOS);
        uint64_t start = nowNanos();
        if (syscall(SYS_tgkill, getpid(), kickable->threadId, kickable->kickSignal) != 0) {
            fail("tgkill");
        }
        waitWhile(kickable, RUNNING);
        samples[i] = nowNanos() - start;
    }
}

static void ignoreSignal(int number)
{
    (void)number;
}

/* The default action of the signal would end the process; the handler never runs. */
static void prepareKickSignal(int kickSignal)
{
    struct sigaction action = {.sa_handler = ignoreSignal};
    sigaction(kickSignal, &action, NULL);
    sigset_t kick;
    sigemptyset(&kick);
    sigaddset(&kick, kickSignal);
    pthread_sigmask(SIG_BLOCK, &kick, NULL);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: kick-yardstick GUESTS_DIR ITERATIONS|--stdin\n");
        return 2;
    }
    char image[4096];
    snprintf(image, sizeof(image), "%s/spin.bin", argv[1]);
    struct flatVm vm = flatOpen(image, RAM_BYTES);
    static struct kickable kickable;
    kickable.kickSignal = SIGRTMIN;
    kickable.vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
        .workspace = FLAT_WORKSPACE, .workspaceByteSize = RAM_BYTES - FLAT_WORKSPACE});
    kickable.guestCounter = (uint64_t *)(vm.memory + FLAT_WORKSPACE);
    prepareKickSignal(kickable.kickSignal);
    pthread_t thread;
    pthread_create(&thread, NULL, vcpuThread, &kickable);
    waitWhile(&kickable, RUNNING);

    uint64_t warmUp[WARM_UP_KICKS];
    measureKicks(&kickable, warmUp, WARM_UP_KICKS);
    int status = runYardstick("kick", argv[2], measureKicks, &kickable);

    setState(&kickable, CLOSING);
    pthread_join(thread, NULL);
    flatCloseVcpu(&kickable.vcpu);
    flatClose(&vm);
    return status;
}
