package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_DEBUGREGS;

/** The debug registers of a vCPU (section 4.33). */
public final class DebugRegs extends KvmStruct {
  /** All zero. */
  public DebugRegs() {
    super(KVM_DEBUGREGS);
  }
}
