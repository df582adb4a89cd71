package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_SREGS;

import java.lang.foreign.MemorySegment;

/** The special registers of a vCPU (section 4.13). */
public final class Sregs extends SpecialRegisters {
  /** All zero. */
  public Sregs() {
    super(KVM_SREGS);
  }

  Sregs(MemorySegment segment) {
    super(segment);
  }
}
