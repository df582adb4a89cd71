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

/* What a guest wrote to a device is done with once KVM_RUN is called again, even if it returns at once. */
static void finishExit(const struct flatVcpu *vcpu)
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

static void writeMemory(const struct flatVm *vm, const char *path)
{
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        fail("create %s", path);
    }
    for (size_t done = 0; done < vm->byteSize;) {
        ssize_t byteCount = write(fd, vm->memory + done, vm->byteSize - done);
        if (byteCount <= 0) {
            fail("write %s", path);
        }
        done += byteCount;
    }
    if (fsync(fd) != 0 || close(fd) != 0) {
        fail("fsync %s", path);
    }
}

void freeze(struct frozen *frozen, const struct flatVm *vm, const struct flatVcpu *vcpu,
            const char *memoryPath)
{
    frozen->memoryPath = memoryPath;
    frozen->byteSize = vm->byteSize;
    finishExit(vcpu);
    statePrepare(&frozen->state, vcpu, 0);
    stateSave(&frozen->state, vm, vcpu);
    writeMemory(vm, memoryPath);
}

void freezeDoorbellGuest(struct frozen *frozen, const char *image, const char *memoryPath,
                         size_t byteSize)
{
    struct child parent = {.vm = flatOpen(image, byteSize, FLAT_UNTRACKED)};
    memset(parent.vm.memory + FLAT_WORKSPACE, 1, byteSize - FLAT_WORKSPACE);
    parent.vcpu = flatAddVcpu(&parent.vm, 0, &(struct flatArguments){.rcx = WRITE_ONLY});
    expectCount(&parent.vcpu, 1);
    freeze(frozen, &parent.vm, &parent.vcpu, memoryPath);
    closeChild(&parent);
}

uint8_t *mapFrozen(const struct frozen *frozen, int memoryFd)
{
    uint8_t *memory = mmap(NULL, frozen->byteSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_NORESERVE, memoryFd, 0);
    if (memory == MAP_FAILED) {
        fail("mmap of %zu bytes of %s", frozen->byteSize, frozen->memoryPath);
    }
    return memory;
}

struct child thaw(const struct frozen *frozen, uint8_t *memory, enum flatTracking tracking)
{
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
