package dev.torpor.kvm;

import static dev.torpor.kvm.abi.InterruptStructs.KVM_LAPIC_STATE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

/** The registers of a vCPU's local APIC (section 4.57; Intel SDM volume 3, section 11.4.1). */
public final class Lapic extends KvmStruct {
  /** The offset of the local vector table's entry for pin LINT0. */
  public static final int LVT_LINT0 = 0x350;

  /** The offset of the local vector table's entry for pin LINT1. */
  public static final int LVT_LINT1 = 0x360;

  /** All zero. */
  public Lapic() {
    super(KVM_LAPIC_STATE);
  }

  /**
   * The value of a register.
   *
   * @param offset its offset in the register page, in bytes
   * @return its value
   */
  public int get(int offset) {
    return segment().get(JAVA_INT, offset);
  }

  /**
   * Sets the value of a register, in this structure.
   *
   * @param offset its offset in the register page, in bytes
   * @param value its value
   */
  public void set(int offset, int value) {
    segment().set(JAVA_INT, offset, value);
  }
}
