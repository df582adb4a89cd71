#include "state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* ---- which MSRs ---- */

/* MTRRs, machine checks and others that are state too, and that kernels leave out of their list. */
static const struct {
    uint32_t first, last;
} UNLISTED[] = {{0x200, 0x20f}, {0x250, 0x250}, {0x258, 0x259}, {0x268, 0x26f}, {0x2ff, 0x2ff},
                {0x400, 0x47f}, {0xc0000103, 0xc0000103}, {0xc001001f, 0xc001001f},
                {0xc0010140, 0xc0010141}, {0xc001102a, 0xc001102a}};

static struct kvm_msr_list *hostMsrs(void)
{
    struct kvm_msr_list *list =
        calloc(1, sizeof(*list) + STATE_MAXIMUM_MSRS * sizeof(list->indices[0]));
    list->nmsrs = STATE_MAXIMUM_MSRS;
    IOCTL(flatKvm(), KVM_GET_MSR_INDEX_LIST, list);
    return list;
}

/* Some are of features that this vCPU has not got. */
static int isReadableAndWritable(const struct flatVcpu *vcpu, uint32_t index)
{
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entry;
    } one = {.head.nmsrs = 1, .entry.index = index};
    return ioctl(vcpu->fd, KVM_GET_MSRS, &one) == 1 && ioctl(vcpu->fd, KVM_SET_MSRS, &one) == 1;
}

static void addMsr(struct machineState *state, const struct flatVcpu *vcpu, uint32_t index)
{
    uint32_t count = state->msrs.head.nmsrs;
    for (uint32_t i = 0; i < count; i++) {
        if (state->msrs.entries[i].index == index) {
            return;
        }
    }
    if (count < STATE_MAXIMUM_MSRS && isReadableAndWritable(vcpu, index)) {
        state->msrs.entries[count].index = index;
        state->msrs.head.nmsrs++;
    }
}

void statePrepare(struct machineState *state, const struct flatVcpu *vcpu, int hasIrqchip)
{
    memset(state, 0, sizeof(*state));
    state->hasIrqchip = hasIrqchip;
    struct kvm_msr_list *list = hostMsrs();
    for (uint32_t i = 0; i < list->nmsrs; i++) {
        addMsr(state, vcpu, list->indices[i]);
    }
    for (size_t range = 0; range < sizeof(UNLISTED) / sizeof(UNLISTED[0]); range++) {
        for (uint32_t index = UNLISTED[range].first; index <= UNLISTED[range].last; index++) {
            addMsr(state, vcpu, index);
        }
    }
    free(list);
}

static void requireAllMsrs(const char *request, int done, uint32_t count)
{
    if (done != (int)count) {
        errno = 0;
        fail("%s: %d of %u MSRs", request, done, count);
    }
}

/* ---- save ---- */

static void saveIrqchip(struct machineState *state, const struct flatVm *vm)
{
    for (uint32_t i = 0; i < STATE_IRQCHIPS; i++) {
        state->irqchips[i].chip_id = i;
        IOCTL(vm->fd, KVM_GET_IRQCHIP, &state->irqchips[i]);
    }
    IOCTL(vm->fd, KVM_GET_PIT2, &state->pit);
}

void stateSave(struct machineState *state, const struct flatVm *vm, const struct flatVcpu *vcpu)
{
    IOCTL(vcpu->fd, KVM_GET_MP_STATE, &state->mpState);
    IOCTL(vcpu->fd, KVM_GET_REGS, &state->regs);
    IOCTL(vcpu->fd, KVM_GET_SREGS2, &state->sregs);
    IOCTL(vcpu->fd, KVM_GET_XSAVE2, state->xsave);
    IOCTL(vcpu->fd, KVM_GET_XCRS, &state->xcrs);
    if (state->hasIrqchip) {
        IOCTL(vcpu->fd, KVM_GET_LAPIC, &state->lapic);
    }
    int msrs = IOCTL(vcpu->fd, KVM_GET_MSRS, &state->msrs);
    requireAllMsrs("KVM_GET_MSRS", msrs, state->msrs.head.nmsrs);
    IOCTL(vcpu->fd, KVM_GET_DEBUGREGS, &state->debugRegs);
    IOCTL(vcpu->fd, KVM_GET_VCPU_EVENTS, &state->events);
    if (state->hasIrqchip) {
        saveIrqchip(state, vm);
    }
    IOCTL(vm->fd, KVM_GET_CLOCK, &state->clock);
}

/* ---- load ---- */

static void loadIrqchip(const struct machineState *state, const struct flatVm *vm)
{
    for (uint32_t i = 0; i < STATE_IRQCHIPS; i++) {
        IOCTL(vm->fd, KVM_SET_IRQCHIP, &state->irqchips[i]);
    }
    IOCTL(vm->fd, KVM_SET_PIT2, &state->pit);
}

void stateLoad(const struct machineState *state, const struct flatVm *vm,
               const struct flatVcpu *vcpu)
{
    struct kvm_clock_data clock = {.clock = state->clock.clock};
    IOCTL(vm->fd, KVM_SET_CLOCK, &clock);
    if (state->hasIrqchip) {
        loadIrqchip(state, vm);
    }
    IOCTL(vcpu->fd, KVM_SET_SREGS2, &state->sregs);
    IOCTL(vcpu->fd, KVM_SET_REGS, &state->regs);
    IOCTL(vcpu->fd, KVM_SET_XCRS, &state->xcrs);
    IOCTL(vcpu->fd, KVM_SET_XSAVE, state->xsave);
    IOCTL(vcpu->fd, KVM_SET_DEBUGREGS, &state->debugRegs);
    if (state->hasIrqchip) {
        IOCTL(vcpu->fd, KVM_SET_LAPIC, &state->lapic);
    }
    int msrs = IOCTL(vcpu->fd, KVM_SET_MSRS, &state->msrs);
    requireAllMsrs("KVM_SET_MSRS", msrs, state->msrs.head.nmsrs);
    IOCTL(vcpu->fd, KVM_SET_MP_STATE, &state->mpState);
    IOCTL(vcpu->fd, KVM_SET_VCPU_EVENTS, &state->events);
}
