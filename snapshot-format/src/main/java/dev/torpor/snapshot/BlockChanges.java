package dev.torpor.snapshot;

import java.util.Arrays;

/**
 * What becomes of some blocks in a child image, for {@link Image#with}: added in ascending order of
 * blocks. Not for several threads at once.
 */
public final class BlockChanges {
  private long[] blocks = new long[64];
  private long[] heads = new long[64];
  private long[] offsets = new long[64];
  private int count;

  /** Makes an empty list of changes. */
  public BlockChanges() {}

  /**
   * Says where a block is stored.
   *
   * @param block its index, above that of every block added before
   * @param layer the number of the layer that holds it, from 1
   * @param checksum the CRC32C of its bytes
   * @param offset where it begins, in bytes from the start of the layer's file; block-aligned
   * @throws IllegalArgumentException if the block does not ascend, or the place cannot be a block's
   */
  public void stored(long block, int layer, int checksum, long offset) {
    if (layer < 1 || offset < LayerHeader.BYTES || offset % Blocks.BYTES != 0) {
      throw new IllegalArgumentException(
          "block %d in layer %d at byte %d".formatted(block, layer, offset));
    }
    add(block, BlockRef.head(layer, checksum), offset);
  }

  /**
   * Takes a block out of the image: memory reads it as zero, a disk reads its base.
   *
   * @param block its index, above that of every block added before
   * @throws IllegalArgumentException if the block does not ascend
   */
  public void absent(long block) {
    add(block, BlockRef.ABSENT_HEAD, 0);
  }

  /**
   * Makes a block explicitly zero, hiding a disk's base.
   *
   * @param block its index, above that of every block added before
   * @throws IllegalArgumentException if the block does not ascend
   */
  public void zero(long block) {
    add(block, BlockRef.ZERO_HEAD, 0);
  }

  /**
   * How many blocks were added.
   *
   * @return the count
   */
  public int count() {
    return count;
  }

  private void add(long block, long head, long offset) {
    if (block < 0 || (count > 0 && block <= blocks[count - 1])) {
      throw new IllegalArgumentException(
          "block %d behind block %d".formatted(block, count > 0 ? blocks[count - 1] : -1));
    }
    if (count == blocks.length) {
      int capacity = Math.multiplyExact(count, 2);
      blocks = Arrays.copyOf(blocks, capacity);
      heads = Arrays.copyOf(heads, capacity);
      offsets = Arrays.copyOf(offsets, capacity);
    }
    blocks[count] = block;
    heads[count] = head;
    offsets[count++] = offset;
  }

  /** Walks the changes from the first one. */
  ChangeCursor cursor() {
    return new ChangeCursor() {
      private int next;

      @Override
      boolean advance() {
        if (next == count) {
          return false;
        }
        block = blocks[next];
        head = heads[next];
        offset = offsets[next++];
        return true;
      }
    };
  }
}
