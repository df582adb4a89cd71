package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_REGS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;

/** The general-purpose registers of a vCPU (section 4.11). */
public final class Regs extends KvmStruct {
  /** All zero. */
  public Regs() {
    super(KVM_REGS);
  }

  Regs(MemorySegment segment) {
    super(segment);
  }

  /**
   * The value of a register.
   *
   * @param register which
   * @return its value
   */
  public long get(Register register) {
    return segment().get(JAVA_LONG, register.offset);
  }

  /**
   * Sets the value of a register, in this structure.
   *
   * @param register which
   * @param value its value
   * @return this
   */
  public Regs set(Register register, long value) {
    segment().set(JAVA_LONG, register.offset, value);
    return this;
  }
}
