package dev.torpor.kvm;

import static dev.torpor.kvm.abi.InterruptStructs.KVM_PIT_STATE2;

/** The state of a VM's timer (section 4.72). */
public final class PitState extends KvmStruct {
  /** All zero. */
  public PitState() {
    super(KVM_PIT_STATE2);
  }
}
