/*
 * How long a virtual machine takes to be made, and to go:
 *
 *   vm-yardstick GUESTS_DIR ITERATIONS|--stdin [until=gone|made] [memory=MIB]
 *
 * One sample is one machine with one vCPU, about to enter a flat guest that lies in new memory: up
 * to when its vCPU, its VM and its memory are gone again, or to when they are there.
 */
#include "flat.h"
#include "options.h"
#include "samples.h"

enum {
    WARM_UP_MACHINES = 20,
};

struct machines {
    const char *image;
    size_t ramByteSize;
    int onlyMade;
};

static uint64_t makeOne(const struct machines *machines)
{
    uint64_t start = nowNanos();
    struct flatVm vm = flatOpen(machines->image, machines->ramByteSize, FLAT_UNTRACKED);
    struct flatArguments arguments = flatWorkspace(&vm);
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &arguments);
    uint64_t made = nowNanos();
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
    return (machines->onlyMade ? made : nowNanos()) - start;
}

static void measureMachines(void *context, uint64_t *samples, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        samples[i] = makeOne(context);
    }
}

int main(int argc, char **argv)
{
    struct option options[] = {{"until", "gone", "gone or made"},
                               {"memory", "256", "MiB of guest memory"}};
    parseOptions(argc, argv, options, 2);
    static const char *const ends[] = {"gone", "made", NULL};
    struct machines machines = {
        .image = imagePath(argv[1], "doorbell-echo"),
        .onlyMade = choiceOption(&options[0], ends),
        .ramByteSize = numberOption(&options[1], 8, 64 << 10) << 20,
    };
    uint64_t warmUp[WARM_UP_MACHINES];
    measureMachines(&machines, warmUp, WARM_UP_MACHINES);
    return runYardstick("vm", argv[2], measureMachines, &machines);
}
