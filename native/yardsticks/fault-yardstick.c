/*
 * How fast missing pages are brought in when the guest stops at them:
 *
 *   fault-yardstick GUESTS_DIR ITERATIONS|--stdin [around=N] [memory=MIB]
 *
 * The guest writes to one page after the other, and does nothing else. One sample runs from one
 * fault to the next: N pages in one piece are copied in, the guest wakes up, writes to them, and
 * stops at the next page, of which this thread is told.
 */
#include "flat.h"
#include "missing.h"
#include "options.h"
#include "samples.h"

#include <errno.h>

enum {
    WARM_UP_FAULTS = 200,
};

struct faults {
    struct missing missing;
    size_t around, page; /* that the guest waits for */
};

static void startAtFirstPage(struct faults *faults)
{
    runnerResume(&faults->missing.runner);
    faults->page = missingAwaitFault(&faults->missing);
}

/* From one end of memory to the other, and then again. */
static void serveFault(struct faults *faults)
{
    missingBringIn(&faults->missing, faults->page, faults->around);
    faults->page = missingAwaitFault(&faults->missing);
}

static int atLastPages(const struct faults *faults)
{
    return (faults->page + faults->around) * FLAT_PAGE_BYTES >= faults->missing.vm.byteSize;
}

static void measureFaults(void *context, uint64_t *samples, size_t count)
{
    struct faults *faults = context;
    for (size_t i = 0; i < count; i++) {
        if (atLastPages(faults)) {
            missingBringIn(&faults->missing, faults->page, faults->around);
            missingStartOver(&faults->missing);
            startAtFirstPage(faults);
        }
        uint64_t start = nowNanos();
        serveFault(faults);
        samples[i] = nowNanos() - start;
    }
}

int main(int argc, char **argv)
{
    struct option options[] = {{"around", "1", "pages per fault, a power of two up to 512"},
                               {"memory", "256", "MiB of guest memory"}};
    parseOptions(argc, argv, options, 2);
    static struct faults faults;
    faults.around = numberOption(&options[0], 1, 512);
    if ((faults.around & (faults.around - 1)) != 0) {
        errno = 0;
        fail("around=%zu: expected %s", faults.around, options[0].meaning);
    }
    size_t byteSize = numberOption(&options[1], 8, 3 << 10) << 20;
    missingOpen(&faults.missing, imagePath(argv[1], "scatter-writer"), byteSize,
                (byteSize - FLAT_WORKSPACE) / FLAT_PAGE_BYTES, 0);
    startAtFirstPage(&faults);
    uint64_t warmUp[WARM_UP_FAULTS];
    measureFaults(&faults, warmUp, WARM_UP_FAULTS);
    int status = runYardstick("fault", argv[2], measureFaults, &faults);
    missingClose(&faults.missing);
    return status;
}
