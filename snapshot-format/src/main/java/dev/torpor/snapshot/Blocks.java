package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Blocks: the unit in which memory and disks are stored. An image is a row of blocks of {@value
 * #BYTES} bytes; one that holds only zeroes is never stored.
 */
public final class Blocks {
  /** The size of a block, in bytes: that of an x86 page. */
  public static final int BYTES = 4096;

  private Blocks() {}

  /**
   * How many blocks hold so many bytes.
   *
   * @param byteCount not negative
   * @return the count, the last block perhaps partly used
   */
  public static long count(long byteCount) {
    return Math.ceilDiv(byteCount, (long) BYTES);
  }

  /**
   * Whether a block holds only zeroes.
   *
   * @param image what holds the block
   * @param offset where the block begins, in bytes
   * @return whether all of its {@value #BYTES} bytes are zero
   * @throws IndexOutOfBoundsException if the image ends before the block does
   */
  public static boolean isZero(MemorySegment image, long offset) {
    MemorySegment block = image.asSlice(offset, BYTES);
    // Eight words at a time, so that a zero block costs few branches and another ends soon.
    for (long at = 0; at < BYTES; at += 8 * Long.BYTES) {
      long any = 0;
      for (int word = 0; word < 8; word++) {
        any |= block.get(ValueLayout.JAVA_LONG_UNALIGNED, at + (long) word * Long.BYTES);
      }
      if (any != 0) {
        return false;
      }
    }
    return true;
  }
}
