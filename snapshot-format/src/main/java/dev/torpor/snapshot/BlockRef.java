package dev.torpor.snapshot;

/**
 * Where a block is: a cursor that {@link Image#find} fills, so that lookups allocate nothing. One
 * thread uses it at a time.
 *
 * <p>On disk and in nodes a reference is two little-endian 64-bit words: the <em>head</em> (layer
 * in the low half, CRC32C in the high half) and the offset.
 */
public final class BlockRef {
  /** The size of a reference on disk, in bytes. */
  public static final int BYTES = 16;

  /** The layer number of an absent block: memory reads it as zero, a disk reads its base. */
  public static final int ABSENT = 0;

  /** The layer number of an explicit zero block: it hides a disk's base. */
  public static final int ZERO = -1;

  static final long ABSENT_HEAD = 0;
  static final long ZERO_HEAD = 0xffff_ffffL;

  private long head;
  private long offset;

  /** Makes a cursor that stands on an absent block. */
  public BlockRef() {}

  /**
   * The layer that holds the block.
   *
   * @return its number, from 1; or {@link #ABSENT} or {@link #ZERO}
   */
  public int layer() {
    return layerOf(head);
  }

  /**
   * The block's checksum.
   *
   * @return the CRC32C of its bytes; 0 if it is absent or zero
   */
  public int checksum() {
    return checksumOf(head);
  }

  /**
   * Where in its layer's file the block begins.
   *
   * @return bytes from the start of the file; 0 if it is absent or zero
   */
  public long offset() {
    return offset;
  }

  /**
   * Whether the image has nothing for the block.
   *
   * @return true if memory reads as zero and a disk reads its base
   */
  public boolean isAbsent() {
    return layer() == ABSENT;
  }

  /**
   * Whether the image says that the block is zero.
   *
   * @return true for an explicit zero block, false for an absent one
   */
  public boolean isZero() {
    return layer() == ZERO;
  }

  /**
   * Whether a layer holds the block.
   *
   * @return true unless it is absent or zero
   */
  public boolean isStored() {
    return isStored(head);
  }

  long head() {
    return head;
  }

  void set(long newHead, long newOffset) {
    head = newHead;
    offset = newOffset;
  }

  static long head(int layer, int checksum) {
    return Integer.toUnsignedLong(layer) | ((long) checksum << 32);
  }

  static int layerOf(long head) {
    return (int) head;
  }

  static int checksumOf(long head) {
    return (int) (head >>> 32);
  }

  static boolean isStored(long head) {
    int layer = (int) head;
    return layer != ABSENT && layer != ZERO;
  }

  @Override
  public String toString() {
    return switch (layer()) {
      case ABSENT -> "absent";
      case ZERO -> "zero";
      default -> "layer %d at byte %d, CRC32C %08x".formatted(layer(), offset, checksum());
    };
  }
}
