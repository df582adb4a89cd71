/*
 * How long a checkpoint stops a guest that goes on writing:
 *
 *   pause-yardstick GUESTS_DIR ITERATIONS|--stdin [memory=MIB] [pages=P] [irqchip=0|1]
 *
 * Since the last checkpoint the guest has written to P pages all over its memory. They are copied
 * ahead, while it runs and writes to some of them again, until few are left. Then comes the pause:
 * one sample runs from the kick, over saving the vCPU and copying what is left, to the moment the
 * vCPU thread is on its way in again.
 */
#include "dirty-log.h"
#include "flat.h"
#include "options.h"
#include "runner.h"
#include "samples.h"
#include "scatter.h"
#include "state.h"

#include <stdlib.h>
#include <string.h>

enum {
    FEW_PAGES = 16,
    MAXIMUM_ROUNDS = 12,
    WARM_UP_CHECKPOINTS = 3,
};

struct checkpointed {
    struct flatVm vm;
    struct runner runner;
    struct scatter scatter;
    struct dirtyLog log;
    struct machineState state;
    uint8_t *staging; /* a ring: nobody reads it */
    size_t stagingPages, staged;
};

/* On the vCPU's thread, while the other one collects the dirty pages. */
static void saveState(void *context)
{
    struct checkpointed *checkpointed = context;
    stateSave(&checkpointed->state, &checkpointed->vm, &checkpointed->runner.vcpu);
}

static void copyDirtyPages(struct checkpointed *checkpointed)
{
    dirtyLogCollect(&checkpointed->log);
    for (size_t i = 0; i < checkpointed->log.pageCount; i++) {
        size_t slot = checkpointed->staged++ % checkpointed->stagingPages;
        memcpy(checkpointed->staging + slot * FLAT_PAGE_BYTES,
               checkpointed->vm.memory + checkpointed->log.pages[i] * (size_t)FLAT_PAGE_BYTES,
               FLAT_PAGE_BYTES);
    }
}

static void copyAhead(struct checkpointed *checkpointed)
{
    for (int round = 0; round < MAXIMUM_ROUNDS; round++) {
        copyDirtyPages(checkpointed);
        if (checkpointed->log.pageCount <= FEW_PAGES) {
            return;
        }
    }
}

static uint64_t pauseOnce(struct checkpointed *checkpointed)
{
    uint64_t start = nowNanos();
    runnerStop(&checkpointed->runner);
    copyDirtyPages(checkpointed);
    runnerResume(&checkpointed->runner);
    return runnerEntryNanos(&checkpointed->runner) - start;
}

static void measurePauses(void *context, uint64_t *samples, size_t count)
{
    struct checkpointed *checkpointed = context;
    uint64_t lastPage = checkpointed->scatter.pages - 1;
    runnerResume(&checkpointed->runner);
    for (size_t i = 0; i < count; i++) {
        uint64_t pass = scatterPassOf(&checkpointed->scatter, lastPage);
        scatterAwaitEndOf(&checkpointed->scatter, pass + 2); /* the first may have begun before */
        copyAhead(checkpointed);
        samples[i] = pauseOnce(checkpointed);
    }
    runnerStop(&checkpointed->runner);
    runnerAwaitPaused(&checkpointed->runner);
}

static void createIrqchip(const struct flatVm *vm)
{
    struct kvm_pit_config pit = {0};
    IOCTL(vm->fd, KVM_CREATE_IRQCHIP, 0);
    IOCTL(vm->fd, KVM_CREATE_PIT2, &pit);
}

static void openGuest(struct checkpointed *checkpointed, const char *image, size_t ramByteSize,
                      uint64_t pages, int irqchip)
{
    checkpointed->vm = flatOpen(image, ramByteSize, FLAT_DIRTY_LOG);
    if (irqchip) {
        createIrqchip(&checkpointed->vm);
    }
    checkpointed->runner.vcpu =
        scatterAddVcpu(&checkpointed->scatter, &checkpointed->vm, pages, 0);
    statePrepare(&checkpointed->state, &checkpointed->runner.vcpu, irqchip);
    checkpointed->log = dirtyLogOpen(&checkpointed->vm);
    checkpointed->stagingPages = 2 * pages;
    checkpointed->staging = malloc(checkpointed->stagingPages * FLAT_PAGE_BYTES);
    if (checkpointed->staging == NULL) {
        fail("memory to copy %zu pages to", checkpointed->stagingPages);
    }
    memset(checkpointed->staging, 1, checkpointed->stagingPages * FLAT_PAGE_BYTES);
    checkpointed->runner.afterExit = saveState;
    checkpointed->runner.context = checkpointed;
    runnerStart(&checkpointed->runner);
}

int main(int argc, char **argv)
{
    struct option options[] = {{"memory", "1024", "MiB of guest memory"},
                               {"pages", "2000", "pages that the guest writes to"},
                               {"irqchip", "0", "1 for in-kernel interrupt controllers"}};
    parseOptions(argc, argv, options, 3);
    static struct checkpointed checkpointed;
    openGuest(&checkpointed, imagePath(argv[1], "scatter-writer"),
              numberOption(&options[0], 8, 64 << 10) << 20, numberOption(&options[1], 2, 1 << 24),
              numberOption(&options[2], 0, 1));
    uint64_t warmUp[WARM_UP_CHECKPOINTS];
    measurePauses(&checkpointed, warmUp, WARM_UP_CHECKPOINTS);
    int status = runYardstick("pause", argv[2], measurePauses, &checkpointed);

    scatterRequireOneInstant(&checkpointed.scatter);
    runnerClose(&checkpointed.runner);
    dirtyLogClose(&checkpointed.log);
    free(checkpointed.staging);
    flatClose(&checkpointed.vm);
    return status;
}
