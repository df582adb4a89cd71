/*
 * How fast a running vCPU can be stopped from outside:
 *
 *   kick-yardstick GUESTS_DIR ITERATIONS|--stdin
 *
 * One sample runs from the call of tgkill to the moment the caller sees that the vCPU thread has
 * left KVM_RUN. Between kicks the guest runs for 200 microseconds or more.
 */
#include "flat.h"
#include "runner.h"
#include "samples.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    RAM_BYTES = 256 << 20,
    RUN_NANOS = 200 * 1000,
    WARM_UP_KICKS = 100,
};

static const uint64_t LONGEST_WAIT_NANOS = 10ul * 1000 * 1000 * 1000;

struct kickable {
    struct runner runner;
    const volatile uint64_t *guestCounter; /* in its workspace */
};

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
        runnerResume(&kickable->runner);
        letGuestRun(kickable, RUN_NANOS);
        uint64_t start = nowNanos();
        runnerStop(&kickable->runner);
        samples[i] = nowNanos() - start;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: kick-yardstick GUESTS_DIR ITERATIONS|--stdin\n");
        return 2;
    }
    char image[4096];
    snprintf(image, sizeof(image), "%s/spin.bin", argv[1]);
    struct flatVm vm = flatOpen(image, RAM_BYTES, FLAT_UNTRACKED);
    static struct kickable kickable;
    kickable.runner.vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
        .workspace = FLAT_WORKSPACE, .workspaceByteSize = RAM_BYTES - FLAT_WORKSPACE});
    kickable.guestCounter = (uint64_t *)(vm.memory + FLAT_WORKSPACE);
    runnerStart(&kickable.runner);

    uint64_t warmUp[WARM_UP_KICKS];
    measureKicks(&kickable, warmUp, WARM_UP_KICKS);
    int status = runYardstick("kick", argv[2], measureKicks, &kickable);

    runnerClose(&kickable.runner);
    flatClose(&vm);
    return status;
}
