#include "frozen.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    WRITE_ONLY = 1,
};

static uint8_t *mapFile(int fd, size_t byteSize, int sharing)
{
    uint8_t *memory = mmap(NULL, byteSize, PROT_READ | PROT_WRITE, sharing | MAP_NORESERVE, fd, 0);
    if (memory == MAP_FAILED) {
        fail("mmap of %zu bytes of guest memory in a file", byteSize);
    }
    return memory;
}

/* The doorbell write is done once KVM_RUN is called again, even if it returns at once. */
static void finishWrite(const struct flatVcpu *vcpu)
{
    vcpu->run->immediate_exit = 1;
    if (ioctl(vcpu->fd, KVM_RUN, 0) != -1 || errno != EINTR) {
        fail("KVM_RUN did not return at once");
    }
    vcpu->run->immediate_exit = 0;
}

static void expectCount(const struct flatVcpu *vcpu, uint64_t expected)
{
    uint64_t count;
    if (flatRunToDoorbell(vcpu, &count) != DOORBELL_PROGRESS || count != expected) {
        errno = 0;
        fail("the guest did not count to %lu", expected);
    }
}

void freezeDoorbellGuest(struct frozen *frozen, const char *image, const char *memoryPath,
                         size_t byteSize)
{
    unlink(memoryPath);
    int fd = open(memoryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, byteSize) != 0) {
        fail("create %s", memoryPath);
    }
    uint8_t *memory = mapFile(fd, byteSize, MAP_SHARED);
    flatLoad(memory, byteSize, image);
    memset(memory + FLAT_WORKSPACE, 1, byteSize - FLAT_WORKSPACE);
    struct child parent = {.vm = flatAround(memory, byteSize, FLAT_UNTRACKED)};
    parent.vcpu = flatAddVcpu(&parent.vm, 0, &(struct flatArguments){.rcx = WRITE_ONLY});
    expectCount(&parent.vcpu, 1);
    finishWrite(&parent.vcpu);
    frozen->memoryPath = memoryPath;
    frozen->byteSize = byteSize;
    statePrepare(&frozen->state, &parent.vcpu, 0);
    stateSave(&frozen->state, &parent.vm, &parent.vcpu);
    closeChild(&parent);
    if (fsync(fd) != 0 || close(fd) != 0) {
        fail("fsync %s", memoryPath);
    }
}

struct child thaw(const struct frozen *frozen, int memoryFd, enum flatTracking tracking)
{
    uint8_t *memory = mapFile(memoryFd, frozen->byteSize, MAP_PRIVATE);
    struct child child = {.vm = flatAround(memory, frozen->byteSize, tracking)};
    child.vcpu = flatCreateVcpu(&child.vm, 0);
    stateLoad(&frozen->state, &child.vm, &child.vcpu);
    return child;
}

void runToFirstExit(const struct child *child)
{
    expectCount(&child->vcpu, 2);
}

void closeChild(struct child *child)
{
    flatCloseVcpu(&child->vcpu);
    flatClose(&child->vm);
}
