package dev.torpor.vmm.device;

import java.util.Arrays;
import java.util.Comparator;

/**
 * One address space of devices: I/O ports, or guest physical addresses that are not RAM.
 *
 * <p>Devices are attached while the VM is built; from then on the bus does not change, so vCPU
 * threads look it up without a lock. Where no device answers, reads give all ones and writes
 * vanish, as on a PC.
 */
public final class Bus {
  private final String name;
  private volatile Range[] ranges = {};

  private record Range(long start, long byteSize, BusDevice device) {
    boolean contains(long address) {
      return address - start >= 0 && address - start < byteSize;
    }
  }

  /**
   * Makes an empty bus.
   *
   * @param name for messages, for instance {@code MMIO}
   */
  public Bus(String name) {
    this.name = name;
  }

  /**
   * Attaches a device.
   *
   * @param start the first address, not negative
   * @param byteSize how many addresses, positive
   * @param device what answers there
   * @throws IllegalArgumentException if another device answers in the range
   */
  public synchronized void attach(long start, long byteSize, BusDevice device) {
    if (start < 0 || byteSize <= 0 || start > Long.MAX_VALUE - byteSize) {
      throw new IllegalArgumentException(
          "%s range 0x%x of %d bytes is not a range".formatted(name, start, byteSize));
    }
    for (Range other : ranges) {
      if (start < other.start + other.byteSize && other.start < start + byteSize) {
        throw new IllegalArgumentException(
            "%s range 0x%x of %d bytes overlaps 0x%x of %d bytes"
                .formatted(name, start, byteSize, other.start, other.byteSize));
      }
    }
    Range[] attached = Arrays.copyOf(ranges, ranges.length + 1);
    attached[ranges.length] = new Range(start, byteSize, device);
    Arrays.sort(attached, Comparator.comparingLong(Range::start));
    ranges = attached;
  }

  /**
   * Reads from whatever device answers.
   *
   * @param address the address
   * @param byteCount 1, 2, 4 or 8
   * @return the value, zero-extended; all ones where nothing answers
   */
  public long read(long address, int byteCount) {
    Range range = find(address);
    long value = range == null ? -1 : range.device.read(address - range.start, byteCount);
    return byteCount == Long.BYTES ? value : value & ((1L << (byteCount * Byte.SIZE)) - 1);
  }

  /**
   * Writes to whatever device answers.
   *
   * @param address the address
   * @param byteCount 1, 2, 4 or 8
   * @param value the value, zero-extended
   */
  public void write(long address, int byteCount, long value) {
    Range range = find(address);
    if (range != null) {
      range.device.write(address - range.start, byteCount, value);
    }
  }

  private Range find(long address) {
    Range[] sorted = ranges;
    int low = 0;
    int high = sorted.length - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Range range = sorted[middle];
      if (range.contains(address)) {
        return range;
      }
      if (address < range.start) {
        high = middle - 1;
      } else {
        low = middle + 1;
      }
    }
    return null;
  }
}
