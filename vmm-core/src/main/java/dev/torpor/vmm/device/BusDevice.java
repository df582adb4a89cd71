package dev.torpor.vmm.device;

/**
 * Something that answers at a range of I/O ports or of guest physical addresses.
 *
 * <p>Called on vCPU threads, several at once where the VM has several vCPUs: an implementation
 * guards its own state. Must return soon, must not allocate on its usual path, and never throws for
 * anything that the guest does.
 */
public interface BusDevice {
  /**
   * The guest reads.
   *
   * @param offset from the start of the device's range, in bytes
   * @param byteCount 1, 2, 4 or 8
   * @return the value, little-endian, in its lowest {@code byteCount} bytes
   */
  long read(long offset, int byteCount);

  /**
   * The guest writes.
   *
   * @param offset from the start of the device's range, in bytes
   * @param byteCount 1, 2, 4 or 8
   * @param value the value, zero-extended
   */
  void write(long offset, int byteCount, long value);
}
