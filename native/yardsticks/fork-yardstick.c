/*
 * How fast a frozen machine is branched:
 *
 *   fork-yardstick GUESTS_DIR ITERATIONS|--stdin [image=FILE] [memory=MIB] [until=ready|exit]
 *                  [dirtyLog=0|1] [kept=N]
 *
 * One sample is one child: its memory mapped copy-on-write from the parent's, its VM and vCPU
 * built, its state loaded; up to then, or to its first exit. N children live together, and then
 * make room for the next.
 */
#include "flat.h"
#include "frozen.h"
#include "options.h"
#include "samples.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    WARM_UP_FORKS = 20,
};

struct forks {
    struct frozen frozen;
    int memoryFd, untilExit;
    enum flatTracking tracking;
    struct child *kept;
    size_t keptCount, made;
};

static void closeChildren(struct forks *forks)
{
    while (forks->made > 0) {
        closeChild(&forks->kept[--forks->made]);
    }
}

static void measureForks(void *context, uint64_t *samples, size_t count)
{
    struct forks *forks = context;
    for (size_t i = 0; i < count; i++) {
        if (forks->made == forks->keptCount) {
            closeChildren(forks);
        }
        struct child *place = &forks->kept[forks->made++];
        uint64_t start = nowNanos();
        uint8_t *memory = mapFrozen(&forks->frozen, forks->memoryFd);
        *place = thaw(&forks->frozen, memory, forks->tracking);
        if (forks->untilExit) {
            runToFirstExit(place);
        }
        samples[i] = nowNanos() - start;
    }
    closeChildren(forks);
}

int main(int argc, char **argv)
{
    struct option options[] = {{"image", "/dev/shm/fork-yardstick", "where to put the memory"},
                               {"memory", "256", "MiB of guest memory"},
                               {"until", "ready", "ready or exit"},
                               {"dirtyLog", "0", "1 to log what children write to"},
                               {"kept", "1", "how many children live at a time"}};
    parseOptions(argc, argv, options, 5);
    static const char *const ends[] = {"ready", "exit", NULL};
    static struct forks forks;
    forks.untilExit = choiceOption(&options[2], ends);
    forks.tracking = numberOption(&options[3], 0, 1) ? FLAT_DIRTY_LOG : FLAT_UNTRACKED;
    forks.keptCount = numberOption(&options[4], 1, 10000);
    forks.kept = calloc(forks.keptCount, sizeof(*forks.kept));
    freezeDoorbellGuest(&forks.frozen, imagePath(argv[1], "doorbell-echo"), options[0].value,
                        numberOption(&options[1], 8, 3 << 10) << 20);
    forks.memoryFd = open(forks.frozen.memoryPath, O_RDONLY | O_CLOEXEC);
    unlink(forks.frozen.memoryPath);

    uint64_t warmUp[WARM_UP_FORKS];
    measureForks(&forks, warmUp, WARM_UP_FORKS);
    return runYardstick("fork", argv[2], measureForks, &forks);
}
