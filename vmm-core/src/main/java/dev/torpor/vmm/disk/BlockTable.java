package dev.torpor.vmm.disk;

import dev.torpor.linux.Mapping;
import dev.torpor.snapshot.Blocks;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Where each block of a disk is: one word a block, off the heap, whose pages exist once they are
 * written. A word names a source and a place in its file, in blocks:
 *
 * <pre>
 *   bit 63     the block is zero, whatever the place holds
 *   62 .. 36   the source: 0 not looked up, 1 the base, 2 nowhere (zero), others as in SourceFiles
 *   35 .. 0    the place: the file offset divided by 4096
 * </pre>
 */
final class BlockTable implements AutoCloseable {
  static final long UNKNOWN = 0;
  static final int BASE = 1;
  static final int NOWHERE = 2;
  static final int FIRST_FILE = 3;
  static final int MAX_SOURCE = (1 << 27) - 1;

  /** A block that the image says is zero. */
  static final long ZERO_BLOCK = entry(NOWHERE, 0, true);

  private static final int SOURCE_SHIFT = 36;
  private static final long PLACE_MASK = (1L << SOURCE_SHIFT) - 1;
  private static final long ZERO = 1L << 63;

  private final Mapping mapping;
  private final MemorySegment entries;

  BlockTable(long blockCount) {
    mapping = words(blockCount);
    entries = mapping.segment();
  }

  /** Lazily touched words; a huge page for the first of them would defeat that. */
  static Mapping words(long count) {
    Mapping words = Mapping.anonymous(count * Long.BYTES, Mapping.MAP_NORESERVE);
    try {
      words.advise(0, count * Long.BYTES, Mapping.Advice.NO_HUGE_PAGE);
      return words;
    } catch (RuntimeException | Error e) {
      words.close();
      throw e;
    }
  }

  static long entry(int source, long place, boolean zero) {
    return ((long) source << SOURCE_SHIFT) | place | (zero ? ZERO : 0);
  }

  static int source(long entry) {
    return (int) ((entry & ~ZERO) >>> SOURCE_SHIFT);
  }

  static long place(long entry) {
    return entry & PLACE_MASK;
  }

  static long fileOffset(long entry) {
    return place(entry) * Blocks.BYTES;
  }

  static boolean isZero(long entry) {
    return entry < 0;
  }

  /** Whether the block that is {@code distance} behind another's can be read with it at once. */
  static boolean follows(long first, long other, long distance) {
    return isZero(first) ? isZero(other) : other == first + distance;
  }

  long get(long block) {
    return entries.getAtIndex(ValueLayout.JAVA_LONG, block);
  }

  void set(long block, long entry) {
    entries.setAtIndex(ValueLayout.JAVA_LONG, block, entry);
  }

  /** Forgets everything. */
  void clear() {
    mapping.advise(0, mapping.byteSize(), Mapping.Advice.DONT_NEED);
  }

  @Override
  public void close() {
    mapping.close();
  }
}
