package dev.torpor.kvm;

import static dev.torpor.kvm.abi.EventStructs.KVM_NESTED_STATE;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;

/** The state of a vCPU's own virtualisation, where its guest uses it (section 4.114). */
public final class NestedState extends KvmStruct {
  private static final long SIZE = offset(KVM_NESTED_STATE, "size");

  /**
   * All zero, of the size that the system needs.
   *
   * @param byteSize what {@link Cap#NESTED_STATE} says
   */
  public NestedState(int byteSize) {
    super(Math.max(byteSize, KVM_NESTED_STATE.byteSize()));
    segment().set(JAVA_INT, SIZE, (int) byteSize());
  }
}
