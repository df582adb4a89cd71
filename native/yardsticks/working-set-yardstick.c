/*
 * How soon a guest has got the pages that it is known to need:
 *
 *   working-set-yardstick GUESTS_DIR ITERATIONS|--stdin [way=bulk|faults] [pages=P]
 *                         [layout=together|scattered] [memory=MIB]
 *
 * One sample runs from the moment when all P pages are missing to the moment when the guest has
 * written to each of them. They are brought in before it runs, in as few pieces as they have, or
 * one by one when it stops at them.
 */
#include "flat.h"
#include "missing.h"
#include "options.h"
#include "samples.h"

struct workingSet {
    struct missing missing;
    int byFaults, together;
};

static void bringInAhead(const struct missing *missing, int together)
{
    const struct scatter *scatter = &missing->scatter;
    if (together) {
        missingBringIn(missing, scatterPageIndex(scatter, 0), scatter->pages);
        return;
    }
    for (uint64_t page = 0; page < scatter->pages; page++) {
        missingBringIn(missing, scatterPageIndex(scatter, page), 1);
    }
}

static void bringInWhenMissed(const struct missing *missing)
{
    for (uint64_t page = 0; page < missing->scatter.pages; page++) {
        missingBringIn(missing, missingAwaitFault(missing), 1);
    }
}

static void measureWorkingSets(void *context, uint64_t *samples, size_t count)
{
    struct workingSet *set = context;
    for (size_t i = 0; i < count; i++) {
        uint64_t start = nowNanos();
        if (set->byFaults) {
            runnerResume(&set->missing.runner);
            bringInWhenMissed(&set->missing);
        } else {
            bringInAhead(&set->missing, set->together);
            runnerResume(&set->missing.runner);
        }
        scatterAwaitEndOf(&set->missing.scatter, 1);
        samples[i] = nowNanos() - start;
        missingStartOver(&set->missing);
    }
}

int main(int argc, char **argv)
{
    struct option options[] = {{"way", "bulk", "bulk or faults"},
                               {"pages", "4096", "pages of the working set"},
                               {"layout", "together", "together or scattered"},
                               {"memory", "256", "MiB of guest memory"}};
    parseOptions(argc, argv, options, 4);
    static const char *const ways[] = {"bulk", "faults", NULL};
    static const char *const layouts[] = {"together", "scattered", NULL};
    static struct workingSet set;
    set.byFaults = choiceOption(&options[0], ways);
    set.together = choiceOption(&options[2], layouts) == 0;
    missingOpen(&set.missing, imagePath(argv[1], "scatter-writer"),
                numberOption(&options[3], 8, 3 << 10) << 20, numberOption(&options[1], 1, 1 << 20),
                set.together ? FLAT_PAGE_BYTES : 0);
    uint64_t warmUp[1];
    measureWorkingSets(&set, warmUp, 1);
    int status = runYardstick("working-set", argv[2], measureWorkingSets, &set);
    missingClose(&set.missing);
    return status;
}
