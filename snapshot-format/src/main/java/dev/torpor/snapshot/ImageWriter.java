package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * Writes a child of a memory image into a layer of its own, from blocks that come in any order and
 * perhaps more than once: the last content counts. Zero blocks and blocks that equal the parent's
 * are not stored. For any number of threads, one of which works at a time.
 */
public final class ImageWriter implements AutoCloseable {
  /** What one byte buffer views: 1 GiB of contents. */
  private static final int VIEW_BLOCKS = 1 << 18;

  private final Image parent;
  private final LayerKind kind;
  private final LayerWriter writer;
  private final BlockTable table;
  private final CRC32C crc = new CRC32C();
  private final BlockLookup lookup;
  private final MemorySegment parentBlock = MemorySegment.ofArray(new byte[Blocks.BYTES]);

  // The blocks that await one write: they follow each other in the contents and in the layer.
  private int runStart;
  private int runEnd;
  private long runOffset;

  private boolean failed;
  private Image finished;

  /**
   * Begins a layer for a child.
   *
   * @param layers where the new layer will be
   * @param parent the image that the child differs from
   * @param kind how the new layer arranges its blocks; flat only for a child of an image in which
   *     every block is absent
   * @throws IllegalArgumentException if a flat layer is asked for a child of another image
   * @throws java.io.UncheckedIOException if the layer cannot be made
   */
  public ImageWriter(Layers layers, Image parent, LayerKind kind) {
    if (kind == LayerKind.FLAT && !parent.root().map().isAbsent()) {
      throw new IllegalArgumentException(
          "flat layer for a child of an image that has blocks: only for full images");
    }
    this.parent = parent;
    this.kind = kind;
    this.lookup = new BlockLookup(parent);
    this.writer = layers.create(kind, parent.blockCount());
    this.table =
        kind == LayerKind.FLAT
            ? new FlatTable(writer, parent.blockCount())
            : new PackedTable(writer);
  }

  /**
   * Has somebody told of each piece that goes to the layer's file.
   *
   * @param makeHints makes who is told from now on, and is closed with this writer, from the file's
   *     path; {@link WriteHints#NONE} if nobody wants to be
   * @throws IllegalStateException if it is finished or closed
   */
  public synchronized void tell(Function<Path, WriteHints> makeHints) {
    requireUsable();
    writer.tell(makeHints);
  }

  /**
   * Puts blocks.
   *
   * @param blocks their indices in the image, in any order; a later one replaces an earlier
   * @param count how many of {@code blocks} to put
   * @param contents their bytes in the same order; must be resident, for a Java thread reads them
   * @throws IndexOutOfBoundsException if the image has no such block or the contents end too early
   * @throws java.io.UncheckedIOException if they cannot be written; the writer is of no use then
   */
  public synchronized void put(long[] blocks, int count, MemorySegment contents) {
    requireUsable();
    Objects.checkFromIndexSize(0, count, blocks.length);
    Objects.checkFromIndexSize(0, (long) count * Blocks.BYTES, contents.byteSize());
    for (int i = 0; i < count; i++) {
      Objects.checkIndex(blocks[i], parent.blockCount());
    }
    failed = true;
    for (int first = 0; first < count; first += VIEW_BLOCKS) {
      int part = Math.min(VIEW_BLOCKS, count - first);
      putView(
          blocks, first, contents.asSlice((long) first * Blocks.BYTES, (long) part * Blocks.BYTES));
    }
    failed = false;
  }

  /**
   * The number of the layer that is being written.
   *
   * @return from 1
   */
  public int layer() {
    return writer.number();
  }

  /**
   * Writes the block map and ends the layer. The image can be read and mapped at once; it is not
   * durable yet.
   *
   * @return the child; the parent itself if nothing differs, and then no layer is left
   * @throws IllegalStateException if it is finished, or a write failed before
   * @throws java.io.UncheckedIOException if the map cannot be written
   */
  public synchronized Image finish() {
    requireUsable();
    failed = true;
    Image child = new MapBuilder(parent, writer).build(table.changes());
    if (child.root().equals(parent.root())) {
      finished = parent;
      writer.close();
    } else {
      writer.finish();
      finished = kind == LayerKind.FLAT ? child.asFlat() : child;
    }
    failed = false;
    return finished;
  }

  /**
   * Makes the image durable, after {@link #finish}.
   *
   * @throws java.io.UncheckedIOException if the file system fails
   */
  public void sync() {
    if (finishedImage() != parent) {
      writer.sync();
    }
  }

  /** Lets the layer's file go; deletes it if the image was not finished. */
  @Override
  public synchronized void close() {
    writer.close();
  }

  private void putView(long[] blocks, int first, MemorySegment contents) {
    ByteBuffer view = contents.asByteBuffer();
    int count = (int) (contents.byteSize() / Blocks.BYTES);
    runStart = 0;
    runEnd = 0;
    for (int i = 0; i < count; i++) {
      int lookedUp = i % BlockLookup.BATCH;
      if (lookedUp == 0) {
        lookup.find(blocks, first + i, Math.min(BlockLookup.BATCH, count - i));
      }
      long block = blocks[first + i];
      long parentHead = lookup.head(lookedUp);
      if (Blocks.isZero(contents, (long) i * Blocks.BYTES)) {
        drop(block, BlockRef.isStored(parentHead), view);
        continue;
      }
      int checksum = Checksums.of(crc, view, i * Blocks.BYTES, Blocks.BYTES);
      if (BlockRef.isStored(parentHead)
          && BlockRef.checksumOf(parentHead) == checksum
          && equalsParent(lookedUp, contents, i)) {
        drop(block, false, view);
      } else {
        addToRun(i, table.store(block, checksum), view);
      }
    }
    writeRun(view);
  }

  private boolean equalsParent(int lookedUp, MemorySegment contents, int index) {
    int layer = BlockRef.layerOf(lookup.head(lookedUp));
    parent.layers().layer(layer).read(lookup.offset(lookedUp), parentBlock);
    long at = (long) index * Blocks.BYTES;
    return MemorySegment.mismatch(contents, at, at + Blocks.BYTES, parentBlock, 0, Blocks.BYTES)
        < 0;
  }

  private void drop(long block, boolean absent, ByteBuffer view) {
    long place = table.drop(block, absent);
    if (place != 0 && kind == LayerKind.FLAT) {
      // A mapping of the layer shows this slot: it must read as zero, after what awaits writing.
      writeRun(view);
      writer.write(place, ByteBuffer.allocate(Blocks.BYTES));
    }
  }

  private void addToRun(int index, long offset, ByteBuffer view) {
    boolean follows =
        index == runEnd && offset == runOffset + (long) (runEnd - runStart) * Blocks.BYTES;
    if (!follows || runStart == runEnd || offset % LayerWriter.WRITE_BYTES == 0) {
      writeRun(view);
      runStart = index;
      runOffset = offset;
    }
    runEnd = index + 1;
  }

  private void writeRun(ByteBuffer view) {
    if (runStart < runEnd) {
      view.limit(runEnd * Blocks.BYTES).position(runStart * Blocks.BYTES);
      writer.write(runOffset, view);
      runStart = runEnd;
    }
  }

  private synchronized Image finishedImage() {
    if (finished == null) {
      throw new IllegalStateException("%s is not finished".formatted(writer.path()));
    }
    return finished;
  }

  private void requireUsable() {
    if (failed || finished != null) {
      throw new IllegalStateException(
          "%s %s".formatted(writer.path(), failed ? "failed before" : "is finished"));
    }
  }
}
