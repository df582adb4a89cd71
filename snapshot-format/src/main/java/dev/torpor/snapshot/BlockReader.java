package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;

/**
 * Reads blocks of one image into one buffer, verified, without allocating once the map's nodes are
 * warm: for a fault handler. One thread uses it at a time.
 */
public final class BlockReader {
  /**
   * Makes a reader.
   *
   * @param image what to read from
   * @param buffer what blocks are read into: off the heap, a multiple of {@link Blocks#BYTES} bytes
   *     and below 2 GiB; it must outlive the reader
   */
  public BlockReader(Image image, MemorySegment buffer) {
    throw new UnsupportedOperationException();
  }

  /**
   * Reads consecutive blocks to the start of the buffer. Blocks that lie one behind the other in a
   * layer are read at once. Absent and zero blocks become zeroes.
   *
   * @param firstBlock the first block's index in the image
   * @param count how many, at most what the buffer holds
   * @return how many of them are stored in layers; 0 says that all of the buffer is zeroes
   * @throws IndexOutOfBoundsException if the image or the buffer does not have so many blocks
   * @throws SnapshotFormatException if a node or a block is damaged; the buffer's content is then
   *     undefined
   */
  public int read(long firstBlock, int count) {
    if (count == 0) {
      return 0;
    }
    throw new UnsupportedOperationException();
  }
}
