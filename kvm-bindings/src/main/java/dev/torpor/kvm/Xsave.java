package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_XSAVE;

/**
 * The extended state of a vCPU: AVX, AVX-512, AMX and whatever follows (sections 4.42, 4.43,
 * 4.134).
 */
public final class Xsave extends KvmStruct {
  /**
   * All zero, of the size that the VM needs.
   *
   * @param byteSize what {@link Cap#XSAVE2} says of the VM; 4,096 where it says 0
   */
  public Xsave(int byteSize) {
    super(Math.max(byteSize, KVM_XSAVE.byteSize()));
  }
}
