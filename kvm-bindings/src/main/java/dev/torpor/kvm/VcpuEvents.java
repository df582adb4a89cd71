package dev.torpor.kvm;

import static dev.torpor.kvm.abi.EventStructs.KVM_VCPU_EVENTS;

import java.lang.foreign.MemorySegment;

/** Exceptions, interrupts and modes that are pending in a vCPU (section 4.31). */
public final class VcpuEvents extends KvmStruct {
  /** All zero. */
  public VcpuEvents() {
    super(KVM_VCPU_EVENTS);
  }

  VcpuEvents(MemorySegment segment) {
    super(segment);
  }
}
