package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_FPU;

/** The x87 and SSE registers of a vCPU (section 4.22). */
public final class Fpu extends KvmStruct {
  /** All zero. */
  public Fpu() {
    super(KVM_FPU);
  }
}
