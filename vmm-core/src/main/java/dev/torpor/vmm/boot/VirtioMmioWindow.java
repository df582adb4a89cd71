package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.MemoryLayout;

/**
 * Where the guest finds a virtio device.
 *
 * @param gpa the first guest physical address of its registers, in the hole below 4 GiB
 * @param byteSize the length of the registers
 * @param gsi its interrupt: an input of the I/O APIC that no device of a PC uses
 */
public record VirtioMmioWindow(long gpa, long byteSize, int gsi) {
  /** The first interrupt that is free for devices. */
  public static final int FIRST_GSI = 5;

  /** The last interrupt of the I/O APIC. */
  public static final int LAST_GSI = 23;

  private static final int REAL_TIME_CLOCK_GSI = 8;
  private static final long IO_APIC = 0xfec0_0000L;

  /**
   * Checks the window.
   *
   * @param gpa the first guest physical address of its registers
   * @param byteSize the length of the registers
   * @param gsi its interrupt
   */
  public VirtioMmioWindow {
    if (gpa < MemoryLayout.HOLE_START || byteSize <= 0 || byteSize > IO_APIC - gpa) {
      throw new IllegalArgumentException(
          "virtio registers at 0x%x of %d bytes: must lie between 0x%x and the I/O APIC at 0x%x"
              .formatted(gpa, byteSize, MemoryLayout.HOLE_START, IO_APIC));
    }
    if (gsi < FIRST_GSI
        || gsi > LAST_GSI
        || gsi == REAL_TIME_CLOCK_GSI
        || gsi == AcpiTables.SCI_GSI) {
      throw new IllegalArgumentException(
          "virtio interrupt %d: must be 5 to 23, and neither 8 (clock) nor 9 (ACPI)"
              .formatted(gsi));
    }
  }
}
