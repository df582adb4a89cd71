package dev.torpor.vmm.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.vmm.device.DoorbellState;
import dev.torpor.vmm.memory.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * A machine at one instant, as plain bytes: its pages, of which those of zeroes are null, what its
 * vCPUs hold, its doorbell and its disk. Instants share the arrays of pages that are equal.
 *
 * @param pages never written once they are in an instant
 * @param vcpus one array for each vCPU
 * @param doorbell the registers
 * @param disk never written
 */
@SuppressWarnings("ArrayRecordComponent") // compared by what is in them, by differenceTo
record FidelityInstant(byte[][] pages, List<byte[]> vcpus, DoorbellState doorbell, byte[] disk) {
  private static final int PAGE = (int) MemoryLayout.PAGE_BYTES;

  /** The page in which two contents differ first, told with the bytes; null if they are equal. */
  String differenceTo(FidelityInstant other) {
    for (int page = 0; page < pages.length; page++) {
      if (pages[page] != other.pages[page] && !Arrays.equals(pages[page], other.pages[page])) {
        return describe(page, bytes(pages[page]), bytes(other.pages[page]));
      }
    }
    return differenceButMemory(other);
  }

  /** The same for all but memory. */
  String differenceButMemory(FidelityInstant other) {
    for (int i = 0; i < vcpus.size(); i++) {
      int at = Arrays.mismatch(vcpus.get(i), other.vcpus.get(i));
      if (at >= 0) {
        return "vCPU %d: %s".formatted(i, FidelityRegisters.describe(vcpus.get(i), other, i, at));
      }
    }
    if (!doorbell.equals(other.doorbell)) {
      return "doorbell: %s instead of %s".formatted(other.doorbell, doorbell);
    }
    int at = Arrays.mismatch(disk, other.disk);
    return at < 0
        ? null
        : "disk byte 0x%x: %02x instead of %02x".formatted(at, other.disk[at], disk[at]);
  }

  private static byte[] bytes(byte[] page) {
    return page == null ? new byte[PAGE] : page;
  }

  private static String describe(int page, byte[] expected, byte[] found) {
    int at = Arrays.mismatch(expected, found) & -Long.BYTES;
    int count = 0;
    for (int i = 0; i < PAGE; i++) {
      count += expected[i] == found[i] ? 0 : 1;
    }
    return "page %d, %d bytes, from 0x%03x: %016x instead of %016x"
        .formatted(
            page,
            count,
            at,
            MemorySegment.ofArray(found).get(JAVA_LONG.withByteAlignment(1), at),
            MemorySegment.ofArray(expected).get(JAVA_LONG.withByteAlignment(1), at));
  }

  /** What a page holds: the known array if that has the same bytes, null for zeroes. */
  static byte[] page(MemorySegment from, long offset, byte[] known) {
    if (known != null) {
      MemorySegment same = MemorySegment.ofArray(known);
      if (MemorySegment.mismatch(from, offset, offset + PAGE, same, 0, PAGE) < 0) {
        return known;
      }
    }
    byte[] bytes = new byte[PAGE];
    MemorySegment.copy(from, JAVA_BYTE, offset, bytes, 0, PAGE);
    return isZero(bytes) ? null : bytes;
  }

  private static boolean isZero(byte[] bytes) {
    return Arrays.equals(bytes, ZEROES);
  }

  private static final byte[] ZEROES = new byte[PAGE];
}
