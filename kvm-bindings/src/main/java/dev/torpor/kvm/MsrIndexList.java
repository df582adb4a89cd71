package dev.torpor.kvm;

import static dev.torpor.kvm.abi.FeatureStructs.KVM_MSR_LIST;
import static java.lang.foreign.ValueLayout.JAVA_INT;

/** A list of MSR indices, with room for as many as the kernel may have. */
final class MsrIndexList extends KvmStruct {
  MsrIndexList(int capacity) {
    super(KVM_MSR_LIST.byteSize() + (long) capacity * Integer.BYTES);
    segment().set(JAVA_INT, 0, capacity);
  }

  int[] indices() {
    int count = segment().get(JAVA_INT, 0);
    return segment()
        .asSlice(KVM_MSR_LIST.byteSize(), (long) count * Integer.BYTES)
        .toArray(JAVA_INT);
  }
}
