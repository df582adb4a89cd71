/*
 * The whole state of a machine with one vCPU, as KVM has it: what a checkpoint saves and a restore
 * loads. The order of the calls is the one that KVM needs.
 */
#ifndef STATE_H
#define STATE_H

#include "flat.h"

enum {
    STATE_XSAVE_BYTES = 16384,
    STATE_MAXIMUM_MSRS = 512,
    STATE_IRQCHIPS = 3, /* two 8259As and the IOAPIC */
};

struct machineState {
    struct kvm_mp_state mpState;
    struct kvm_regs regs;
    struct kvm_sregs2 sregs;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugRegs;
    struct kvm_vcpu_events events;
    struct {
        struct kvm_msrs head;
        struct kvm_msr_entry entries[STATE_MAXIMUM_MSRS];
    } msrs;
    uint8_t xsave[STATE_XSAVE_BYTES];
    struct kvm_clock_data clock;

    uint32_t hasIrqchip; /* and with it what follows */
    struct kvm_lapic_state lapic;
    struct kvm_irqchip irqchips[STATE_IRQCHIPS];
    struct kvm_pit_state2 pit;
};

/* Finds out, once, which MSRs the state of such a vCPU has. */
void statePrepare(struct machineState *state, const struct flatVcpu *vcpu, int hasIrqchip);

/* On the vCPU's thread, outside of the guest. */
void stateSave(struct machineState *state, const struct flatVm *vm, const struct flatVcpu *vcpu);
void stateLoad(const struct machineState *state, const struct flatVm *vm,
               const struct flatVcpu *vcpu);

#endif
