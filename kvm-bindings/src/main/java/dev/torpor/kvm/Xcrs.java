package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_XCR;
import static dev.torpor.kvm.abi.RegisterStructs.KVM_XCRS;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/** The extended control registers of a vCPU (section 4.44). */
public final class Xcrs extends KvmStruct {
  private static final long COUNT = offset(KVM_XCRS, "nr_xcrs");
  private static final long FIRST_VALUE = offset(KVM_XCRS, "xcrs") + offset(KVM_XCR, "value");

  /** None. */
  public Xcrs() {
    super(KVM_XCRS);
  }

  /**
   * XCR0, which says what XSAVE saves.
   *
   * @return its value; 0 on a processor without XSAVE
   */
  public long xcr0() {
    return segment().get(JAVA_INT, COUNT) == 0 ? 0 : segment().get(JAVA_LONG, FIRST_VALUE);
  }
}
