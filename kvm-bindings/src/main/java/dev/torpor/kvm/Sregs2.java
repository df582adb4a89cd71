package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_SREGS2;

/** The special registers of a vCPU with the page-directory pointers (section 4.131). */
public final class Sregs2 extends SpecialRegisters {
  /** All zero. */
  public Sregs2() {
    super(KVM_SREGS2);
  }
}
