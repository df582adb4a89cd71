/*
 * How long it takes to learn which pages a guest has written to, and to have KVM watch them anew:
 *
 *   dirty-collect-yardstick GUESTS_DIR ITERATIONS|--stdin [memory=MIB] [pages=P]
 *
 * Since the last collection the guest has written to P pages all over its memory, and it is
 * stopped. One sample is KVM_GET_DIRTY_LOG, the list of the pages, and KVM_CLEAR_DIRTY_LOG.
 */
#include "dirty-log.h"
#include "flat.h"
#include "options.h"
#include "runner.h"
#include "samples.h"
#include "scatter.h"

#include <errno.h>

enum {
    WARM_UP_COLLECTIONS = 5,
};

struct collected {
    struct flatVm vm;
    struct runner runner;
    struct scatter scatter;
    struct dirtyLog log;
};

static void letGuestWriteAll(struct collected *collected)
{
    uint64_t pass = scatterPassOf(&collected->scatter, collected->scatter.pages - 1);
    runnerResume(&collected->runner);
    scatterAwaitEndOf(&collected->scatter, pass + 2); /* the first may have begun before */
    runnerStop(&collected->runner);
    runnerAwaitPaused(&collected->runner);
}

static void measureCollections(void *context, uint64_t *samples, size_t count)
{
    struct collected *collected = context;
    for (size_t i = 0; i < count; i++) {
        letGuestWriteAll(collected);
        uint64_t start = nowNanos();
        dirtyLogCollect(&collected->log);
        samples[i] = nowNanos() - start;
        if (collected->log.pageCount < collected->scatter.pages) {
            errno = 0;
            fail("%zu pages are dirty, and the guest wrote to more", collected->log.pageCount);
        }
    }
}

int main(int argc, char **argv)
{
    struct option options[] = {{"memory", "1024", "MiB of guest memory"},
                               {"pages", "2000", "pages that the guest writes to"}};
    parseOptions(argc, argv, options, 2);
    static struct collected collected;
    collected.vm = flatOpen(imagePath(argv[1], "scatter-writer"),
                            numberOption(&options[0], 8, 64 << 10) << 20, FLAT_DIRTY_LOG);
    collected.runner.vcpu = scatterAddVcpu(&collected.scatter, &collected.vm,
                                           numberOption(&options[1], 1, 1 << 24), 0);
    collected.log = dirtyLogOpen(&collected.vm);
    runnerStart(&collected.runner);
    uint64_t warmUp[WARM_UP_COLLECTIONS];
    measureCollections(&collected, warmUp, WARM_UP_COLLECTIONS);
    int status = runYardstick("dirty-collect", argv[2], measureCollections, &collected);

    runnerClose(&collected.runner);
    dirtyLogClose(&collected.log);
    flatClose(&collected.vm);
    return status;
}
