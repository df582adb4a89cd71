/*
 * How fast a vCPU leaves the guest and comes back:
 *
 *   exit-yardstick GUESTS_DIR ITERATIONS|--stdin
 *
 * One sample runs from one return of KVM_RUN to the next, with a guest in between that does
 * nothing but write to a doorbell.
 */
#include "flat.h"
#include "samples.h"

#include <errno.h>
#include <stdio.h>

enum {
    RAM_BYTES = 256 << 20,
    WARM_UP_EXITS = 1000,
    WRITE_ONLY = 1,
};

static void expectProgress(const struct flatVcpu *vcpu)
{
    uint64_t value;
    if (flatRunToDoorbell(vcpu, &value) != DOORBELL_PROGRESS) {
        errno = 0;
        fail("the guest rang another doorbell than PROGRESS");
    }
}

static void measureExits(void *context, uint64_t *samples, size_t count)
{
    const struct flatVcpu *vcpu = context;
    expectProgress(vcpu);
    uint64_t last = nowNanos();
    for (size_t i = 0; i < count; i++) {
        expectProgress(vcpu);
        uint64_t now = nowNanos();
        samples[i] = now - last;
        last = now;
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: exit-yardstick GUESTS_DIR ITERATIONS|--stdin\n");
        return 2;
    }
    char image[4096];
    snprintf(image, sizeof(image), "%s/doorbell-echo.bin", argv[1]);
    struct flatVm vm = flatOpen(image, RAM_BYTES, FLAT_UNTRACKED);
    struct flatVcpu vcpu = flatAddVcpu(&vm, 0, &(struct flatArguments){
        .workspace = FLAT_WORKSPACE, .workspaceByteSize = RAM_BYTES - FLAT_WORKSPACE,
        .rcx = WRITE_ONLY});
    for (int i = 0; i < WARM_UP_EXITS; i++) {
        expectProgress(&vcpu);
    }
    int status = runYardstick("exit", argv[2], measureExits, &vcpu);
    flatCloseVcpu(&vcpu);
    flatClose(&vm);
    return status;
}
