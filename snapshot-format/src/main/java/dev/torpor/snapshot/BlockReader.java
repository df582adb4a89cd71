package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Objects;
import java.util.zip.CRC32C;

/**
 * Reads blocks of one image into one buffer, verified, without allocating once the map's nodes are
 * warm: for a fault handler. One thread uses it at a time.
 */
public final class BlockReader {
  private static final byte[] ZEROES = new byte[Blocks.BYTES];

  private final Image image;
  private final ByteBuffer buffer;
  private final BlockRef[] refs;
  private final CRC32C crc = new CRC32C();

  /**
   * Makes a reader.
   *
   * @param image what to read from
   * @param buffer what blocks are read into: off the heap, a multiple of {@link Blocks#BYTES} bytes
   *     and below 2 GiB; it must outlive the reader
   * @throws IllegalArgumentException if the buffer is not like that
   */
  public BlockReader(Image image, MemorySegment buffer) {
    if (!buffer.isNative() || buffer.byteSize() % Blocks.BYTES != 0) {
      throw new IllegalArgumentException("no native buffer of whole blocks: " + buffer);
    }
    this.image = image;
    this.buffer = buffer.asByteBuffer();
    this.refs = new BlockRef[(int) (buffer.byteSize() / Blocks.BYTES)];
    for (int i = 0; i < refs.length; i++) {
      refs[i] = new BlockRef();
    }
  }

  /**
   * Reads consecutive blocks to the start of the buffer. Blocks that lie one behind the other in a
   * layer are read at once. Absent and zero blocks become zeroes.
   *
   * @param firstBlock the first block's index in the image
   * @param count how many, at most what the buffer holds
   * @return how many of them are stored in layers; 0 says that all of them are zeroes
   * @throws IndexOutOfBoundsException if the image or the buffer does not have so many blocks
   * @throws SnapshotFormatException if a node or a block is damaged; the buffer's content is then
   *     undefined
   */
  public int read(long firstBlock, int count) {
    Objects.checkFromIndexSize(0, count, refs.length);
    for (int i = 0; i < count; i++) {
      image.find(firstBlock + i, refs[i]);
    }
    int stored = 0;
    int next = 0;
    while (next < count) {
      int end = runEnd(next, count);
      if (refs[next].isStored()) {
        readRun(firstBlock, next, end);
        stored += end - next;
      } else {
        buffer.limit(end * Blocks.BYTES).put(next * Blocks.BYTES, ZEROES);
      }
      next = end;
    }
    return stored;
  }

  private int runEnd(int start, int count) {
    int end = start + 1;
    while (end < count && refs[start].isStored() && follows(refs[end - 1], refs[end])) {
      end++;
    }
    return end;
  }

  private static boolean follows(BlockRef ref, BlockRef next) {
    return next.layer() == ref.layer() && next.offset() == ref.offset() + Blocks.BYTES;
  }

  private void readRun(long firstBlock, int start, int end) {
    Layer layer = image.layers().layer(refs[start].layer());
    buffer.limit(end * Blocks.BYTES).position(start * Blocks.BYTES);
    layer.read(refs[start].offset(), buffer);
    for (int i = start; i < end; i++) {
      int found = Checksums.of(crc, buffer, i * Blocks.BYTES, Blocks.BYTES);
      Image.requireChecksum(layer, firstBlock + i, refs[i], found);
    }
  }
}
