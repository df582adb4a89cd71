/*
 * How fast a running machine goes back to where it was frozen:
 *
 *   revert-yardstick GUESTS_DIR ITERATIONS|--stdin [way=copy|drop] [memory=MIB] [pages=P]
 *                    [image=FILE]
 *
 * Since the last time the guest has written to P pages all over its memory. One sample runs from
 * the kick, over putting these pages back and loading the state, to the moment the vCPU thread is
 * on its way in again. Pages are put back in one of two ways: copied to anonymous memory, from
 * copies of all that were put back before, one after the other in memory; or dropped from a private
 * mapping of the frozen memory, which brings them back when the guest touches them; that time is
 * not in the sample.
 */
#include "dirty-log.h"
#include "flat.h"
#include "frozen.h"
#include "options.h"
#include "runner.h"
#include "samples.h"
#include "scatter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    WARM_UP_REVERTS = 20,
};

struct revertible;

typedef void putBackFunction(struct revertible *revertible, size_t page);

/* Of the frozen pages that were needed so far. */
struct copies {
    uint8_t *bytes;
    uint32_t *numbers; /* by page, from 1; 0 without a copy */
    uint32_t count;
};

struct revertible {
    struct frozen frozen;
    const uint8_t *frozenMemory;
    struct copies copies;
    putBackFunction *putBack;
    struct flatVm vm;
    struct runner runner;
    struct scatter scatter;
    struct dirtyLog log;
};

static void copyPage(struct revertible *revertible, size_t page)
{
    struct copies *copies = &revertible->copies;
    uint32_t *number = &copies->numbers[page];
    size_t offset = page * FLAT_PAGE_BYTES;
    if (*number == 0) {
        memcpy(copies->bytes + (size_t)copies->count * FLAT_PAGE_BYTES,
               revertible->frozenMemory + offset, FLAT_PAGE_BYTES);
        *number = ++copies->count;
    }
    memcpy(revertible->vm.memory + offset, copies->bytes + (*number - 1ul) * FLAT_PAGE_BYTES,
           FLAT_PAGE_BYTES);
}

static void dropPage(struct revertible *revertible, size_t page)
{
    uint8_t *dropped = revertible->vm.memory + page * FLAT_PAGE_BYTES;
    if (madvise(dropped, FLAT_PAGE_BYTES, MADV_DONTNEED) != 0) {
        fail("MADV_DONTNEED");
    }
}

/* On the vCPU's thread, while the other one puts pages back. */
static void loadState(void *context)
{
    struct revertible *revertible = context;
    stateLoad(&revertible->frozen.state, &revertible->vm, &revertible->runner.vcpu);
}

static void stopAndPutBack(struct revertible *revertible)
{
    runnerStop(&revertible->runner);
    dirtyLogCollect(&revertible->log);
    for (size_t i = 0; i < revertible->log.pageCount; i++) {
        revertible->putBack(revertible, revertible->log.pages[i]);
    }
}

static void measureReverts(void *context, uint64_t *samples, size_t count)
{
    struct revertible *revertible = context;
    runnerResume(&revertible->runner);
    for (size_t i = 0; i < count; i++) {
        scatterAwaitEndOf(&revertible->scatter, 1);
        uint64_t start = nowNanos();
        stopAndPutBack(revertible);
        runnerResume(&revertible->runner);
        samples[i] = runnerEntryNanos(&revertible->runner) - start;
    }
    stopAndPutBack(revertible);
    runnerAwaitPaused(&revertible->runner);
}

/* At its first instruction, so that the frozen pages are in no pass yet. */
static void freezeScatterWriter(struct revertible *revertible, const char *image,
                                const char *memoryPath, size_t byteSize, uint64_t pages)
{
    struct child original = {.vm = flatOpen(image, byteSize, FLAT_UNTRACKED)};
    original.vcpu = scatterAddVcpu(&revertible->scatter, &original.vm, pages, 0);
    freeze(&revertible->frozen, &original.vm, &original.vcpu, memoryPath);
    closeChild(&original);
}

static void thawAndRun(struct revertible *revertible, int copied)
{
    const struct frozen *frozen = &revertible->frozen;
    int fd = open(frozen->memoryPath, O_RDONLY | O_CLOEXEC);
    revertible->frozenMemory = mapFrozen(frozen, fd);
    uint8_t *memory = copied ? flatAllocate(frozen->byteSize) : mapFrozen(frozen, fd);
    if (copied) {
        memcpy(memory, revertible->frozenMemory, frozen->byteSize);
    }
    struct child child = thaw(frozen, memory, FLAT_DIRTY_LOG);
    revertible->vm = child.vm;
    revertible->scatter.vm = &revertible->vm;
    revertible->putBack = copied ? copyPage : dropPage;
    revertible->copies.bytes = flatAllocate(frozen->byteSize);
    revertible->copies.numbers = calloc(frozen->byteSize / FLAT_PAGE_BYTES, sizeof(uint32_t));
    if (revertible->copies.numbers == NULL) {
        fail("calloc");
    }
    revertible->log = dirtyLogOpen(&revertible->vm);
    revertible->runner.vcpu = child.vcpu;
    revertible->runner.afterExit = loadState;
    revertible->runner.context = revertible;
    runnerStart(&revertible->runner);
    close(fd);
    unlink(frozen->memoryPath);
}

static void requireAllPutBack(struct revertible *revertible)
{
    if (memcmp(revertible->vm.memory, revertible->frozenMemory, revertible->vm.byteSize) != 0) {
        errno = 0;
        fail("the reverted memory is not the frozen one");
    }
}

int main(int argc, char **argv)
{
    struct option options[] = {{"way", "copy", "copy or drop"},
                               {"memory", "256", "MiB of guest memory"},
                               {"pages", "100", "pages that the guest writes to"},
                               {"image", "/dev/shm/revert-yardstick", "where to put the memory"}};
    parseOptions(argc, argv, options, 4);
    static const char *const ways[] = {"copy", "drop", NULL};
    static struct revertible revertible;
    freezeScatterWriter(&revertible, imagePath(argv[1], "scatter-writer"), options[3].value,
                        numberOption(&options[1], 8, 64 << 10) << 20,
                        numberOption(&options[2], 1, 1 << 24));
    thawAndRun(&revertible, choiceOption(&options[0], ways) == 0);
    uint64_t warmUp[WARM_UP_REVERTS];
    measureReverts(&revertible, warmUp, WARM_UP_REVERTS);
    int status = runYardstick("revert", argv[2], measureReverts, &revertible);

    requireAllPutBack(&revertible);
    runnerClose(&revertible.runner);
    dirtyLogClose(&revertible.log);
    flatClose(&revertible.vm);
    free(revertible.copies.numbers);
    return status;
}
