package dev.torpor.vmm.boot;

import dev.torpor.kvm.Segment;
import dev.torpor.vmm.memory.GuestMemory;

/** The descriptor table with which kernels start, at the selectors that Linux's protocol names. */
final class Gdt {
  static final int CODE = 0x10;
  static final int DATA = 0x18;
  static final int TASK_STATE = 0x20;

  // A task state segment's descriptor takes two entries in 64-bit mode.
  private static final int BYTE_SIZE = TASK_STATE + 2 * Long.BYTES;

  private Gdt() {}

  /** Writes the table, which matches the vCPU's segment registers. */
  static DescriptorTable write(GuestMemory memory, Segment code, Segment data, Segment task) {
    memory.fill(LowMemory.GDT, BYTE_SIZE, (byte) 0);
    for (Segment segment : new Segment[] {code, data, task}) {
      memory.writeLong(LowMemory.GDT + segment.selector(), Segments.descriptor(segment));
    }
    return new DescriptorTable(LowMemory.GDT, BYTE_SIZE - 1);
  }
}
