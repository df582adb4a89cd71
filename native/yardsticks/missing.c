#define _GNU_SOURCE
#include "missing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    WORD_BYTES = 8,
};

static uint8_t *reserve(size_t byteSize)
{
    uint8_t *memory = mmap(NULL, byteSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        fail("mmap of %zu bytes of guest RAM", byteSize);
    }
    return memory;
}

/* Pages of its own, and not the kernel's one of zeroes; but in no pass of the guest's yet. */
static uint8_t *createSource(const char *image, size_t byteSize)
{
    uint8_t *source = reserve(byteSize);
    flatLoad(source, byteSize, image);
    for (size_t offset = FLAT_WORKSPACE; offset < byteSize; offset += FLAT_PAGE_BYTES) {
        memset(source + offset + WORD_BYTES, 1, FLAT_PAGE_BYTES - WORD_BYTES);
    }
    return source;
}

static int watchMissing(uint8_t *memory, size_t byteSize)
{
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0) {
        fail("userfaultfd");
    }
    struct uffdio_api api = {.api = UFFD_API};
    IOCTL(fd, UFFDIO_API, &api);
    struct uffdio_register range = {.range = {.start = (uint64_t)memory, .len = byteSize},
                                    .mode = UFFDIO_REGISTER_MODE_MISSING};
    IOCTL(fd, UFFDIO_REGISTER, &range);
    return fd;
}

/* On the vCPU's thread. */
static void loadEntry(void *context)
{
    struct missing *missing = context;
    stateLoad(&missing->entry, &missing->vm, &missing->runner.vcpu);
}

void missingOpen(struct missing *missing, const char *image, size_t byteSize, uint64_t pages,
                 uint64_t stride)
{
    uint8_t *memory = reserve(byteSize);
    missing->source = createSource(image, byteSize);
    missing->faultFd = watchMissing(memory, byteSize);
    missing->vm = flatAround(memory, byteSize, FLAT_UNTRACKED);
    missing->runner.vcpu = scatterAddVcpu(&missing->scatter, &missing->vm, pages, stride);
    missingBringIn(missing, 0, FLAT_WORKSPACE / FLAT_PAGE_BYTES);
    statePrepare(&missing->entry, &missing->runner.vcpu, 0);
    stateSave(&missing->entry, &missing->vm, &missing->runner.vcpu);
    missing->runner.afterExit = loadEntry;
    missing->runner.context = missing;
    runnerStart(&missing->runner);
}

/* Closing the userfaultfd first wakes the guest, so that it can be stopped. */
void missingClose(struct missing *missing)
{
    close(missing->faultFd);
    runnerClose(&missing->runner);
    munmap(missing->source, missing->vm.byteSize);
    flatClose(&missing->vm);
}

size_t missingAwaitFault(const struct missing *missing)
{
    struct uffd_msg message;
    if (read(missing->faultFd, &message, sizeof(message)) != sizeof(message)
        || message.event != UFFD_EVENT_PAGEFAULT) {
        fail("read of a userfaultfd");
    }
    return (message.arg.pagefault.address - (uint64_t)missing->vm.memory) / FLAT_PAGE_BYTES;
}

void missingBringIn(const struct missing *missing, size_t firstPage, size_t pageCount)
{
    size_t offset = firstPage * FLAT_PAGE_BYTES;
    struct uffdio_copy copy = {.dst = (uint64_t)missing->vm.memory + offset,
                               .src = (uint64_t)missing->source + offset,
                               .len = pageCount * FLAT_PAGE_BYTES};
    IOCTL(missing->faultFd, UFFDIO_COPY, &copy);
}

void missingStartOver(struct missing *missing)
{
    runnerStop(&missing->runner);
    runnerAwaitPaused(&missing->runner);
    if (madvise(missing->vm.memory + FLAT_WORKSPACE, missing->vm.byteSize - FLAT_WORKSPACE,
                MADV_DONTNEED) != 0) {
        fail("MADV_DONTNEED");
    }
}
