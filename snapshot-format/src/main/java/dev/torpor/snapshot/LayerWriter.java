package dev.torpor.snapshot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.function.Function;

/**
 * Writes one layer. Until {@link #finish} its header says that it is open, so that what a crash
 * leaves is known for what it is; from then on it never changes. Blocks may be written again until
 * then. For any number of threads, each with places of its own.
 */
public final class LayerWriter implements AutoCloseable {
  /**
   * Where the file is written in several pieces, they end at multiples of this: a page cache that
   * is filled so has large folios, which cost half as much as small ones.
   */
  static final int WRITE_BYTES = 1 << 20;

  private final PositionedFile file;
  private final LayerHeader header;
  private WriteHints hints = WriteHints.NONE;
  private long end;
  private boolean finished;
  private boolean closed;
  private boolean inDirectory;

  private LayerWriter(PositionedFile file, LayerHeader header, long end) {
    this.file = file;
    this.header = header;
    this.end = end;
  }

  static LayerWriter begin(Path path, ChannelLimit limit, FileChannel channel, LayerHeader header) {
    PositionedFile file =
        new PositionedFile(path, limit, channel, StandardOpenOption.READ, StandardOpenOption.WRITE);
    LayerWriter writer = new LayerWriter(file, header, header.appendOffset());
    try {
      file.write(header.encode(), 0);
      return writer;
    } catch (Throwable e) {
      writer.close();
      throw e;
    }
  }

  static LayerWriter resume(Path path, ChannelLimit limit, int number) {
    PositionedFile file =
        Layer.openFile(path, limit, StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      LayerHeader header = Layer.readHeader(file, number);
      boolean isWhole = file.size() >= header.byteCount();
      if (header.finished() && isWhole) {
        throw new SnapshotFormatException(
            path, LayerHeader.FINISHED_AT, "an unfinished layer", "a finished one");
      }
      if (header.finished()) {
        // The host stopped before the layer was durable, so nothing can refer to its end.
        header = header.unfinished();
        file.write(header.encode(), 0);
      }
      long end = Math.max(header.appendOffset(), aligned(file.size(), Blocks.BYTES));
      return new LayerWriter(file, header, end);
    } catch (Throwable e) {
      file.close();
      throw e;
    }
  }

  /**
   * The layer's number.
   *
   * @return from 1
   */
  public int number() {
    return header.number();
  }

  /**
   * What tells the layer from every other.
   *
   * @return its identifier
   */
  public UUID uuid() {
    return header.uuid();
  }

  /**
   * How the layer arranges its blocks.
   *
   * @return its kind
   */
  public LayerKind kind() {
    return header.kind();
  }

  /**
   * Where the layer's blocks begin.
   *
   * @return bytes from the start of the file
   */
  public long dataOffset() {
    return header.dataOffset();
  }

  /**
   * The layer's file.
   *
   * @return its path
   */
  public Path path() {
    return file.path();
  }

  /**
   * Where the layer ends so far: what was reserved, written or not.
   *
   * @return bytes from the start of the file
   */
  public synchronized long end() {
    return end;
  }

  /**
   * Appends blocks.
   *
   * @param blocks their bytes; a multiple of {@link Blocks#BYTES} bytes
   * @return where they begin in the file; block-aligned
   * @throws UncheckedIOException if they cannot be written
   */
  public long append(MemorySegment blocks) {
    requireBlocks(blocks);
    long offset = reserve(blocks.byteSize());
    write(offset, blocks);
    return offset;
  }

  /**
   * Writes consecutive blocks at their natural place. A slot whose block is zero or absent in the
   * end must read as zero: never written, or written with zeroes.
   *
   * @param block the first block's index in the image
   * @param blocks their bytes; a multiple of {@link Blocks#BYTES} bytes
   * @return where they begin in the file
   * @throws IllegalStateException if the layer is not flat
   * @throws IndexOutOfBoundsException if the image does not have the blocks
   * @throws UncheckedIOException if they cannot be written
   */
  public long put(long block, MemorySegment blocks) {
    requireBlocks(blocks);
    if (header.kind() != LayerKind.FLAT) {
      throw new IllegalStateException("%s is not flat".formatted(path()));
    }
    long offset = slot(block, blocks.byteSize() / Blocks.BYTES);
    requireOpen();
    file.write(blocks, offset);
    return offset;
  }

  /**
   * Sets a part at the end aside.
   *
   * @param byteCount how many bytes, not negative
   * @return where it begins; block-aligned
   */
  public long reserve(long byteCount) {
    return reserve(byteCount, Blocks.BYTES);
  }

  /**
   * Writes bytes where they belong.
   *
   * @param offset where, inside what was reserved or is a block's natural place
   * @param bytes what to write
   * @throws IndexOutOfBoundsException if the place is in the header or not reserved
   * @throws UncheckedIOException if they cannot be written
   */
  public void write(long offset, MemorySegment bytes) {
    requireReserved(offset, bytes.byteSize());
    file.write(bytes, offset);
  }

  /** Has an image's writer tell of its pieces from now on, and of its end. */
  synchronized void tell(Function<Path, WriteHints> makeHints) {
    requireOpen();
    hints.close();
    hints = makeHints.apply(path());
  }

  /** The same for a piece of an image, from the buffer's position to its limit. */
  void write(long offset, ByteBuffer bytes) {
    int byteCount = bytes.remaining();
    requireReserved(offset, byteCount);
    hints.before(offset, byteCount);
    file.write(bytes, offset);
    hints.after(offset, byteCount);
  }

  /**
   * Reads back, finished or not. What was reserved and never written reads as zero.
   *
   * @param offset where, inside what was reserved or is a block's natural place
   * @param into what to fill
   * @throws IndexOutOfBoundsException if the place is in the header or not reserved
   * @throws UncheckedIOException if it cannot be read
   */
  public void read(long offset, MemorySegment into) {
    requireReserved(offset, into.byteSize());
    long count = file.read(into, offset);
    into.asSlice(count).fill((byte) 0);
  }

  /**
   * Closes the layer to writes, so that it can be read as a {@link Layer}. It is not durable yet.
   *
   * @throws UncheckedIOException if the header cannot be written
   */
  public synchronized void finish() {
    requireOpen();
    // The file must be as long as its header says, also where the end was never written.
    if (file.size() < end) {
      file.write(ByteBuffer.allocate(1), end - 1);
    }
    file.write(header.finishedWith(end).encode(), 0);
    finished = true;
  }

  /**
   * Makes all that was written durable, the file's name included.
   *
   * @throws UncheckedIOException if the file system fails
   */
  public void sync() {
    file.force(false);
    synchronized (this) {
      if (!inDirectory) {
        Layers.syncDirectory(path().getParent());
        inDirectory = true;
      }
    }
  }

  /** Lets the file go. A layer that is not finished is deleted. */
  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    closed = true;
    hints.close();
    file.close();
    if (!finished) {
      try {
        Files.deleteIfExists(path());
      } catch (IOException e) {
        throw new UncheckedIOException("cannot delete the layer %s".formatted(path()), e);
      }
    }
  }

  /**
   * Whether {@link #finish} has succeeded.
   *
   * @return true if the layer is complete
   */
  public synchronized boolean isFinished() {
    return finished;
  }

  /** Lets the file go as it is, for {@link Layers#resume} to go on with later. */
  public synchronized void leave() {
    closed = true;
    hints.close();
    file.close();
  }

  synchronized long reserve(long byteCount, int alignment) {
    requireOpen();
    if (byteCount < 0) {
      throw new IllegalArgumentException("reservation of %d bytes".formatted(byteCount));
    }
    long offset = aligned(end, alignment);
    end = Math.addExact(offset, byteCount);
    return offset;
  }

  /** The natural place of a block in a flat layer. */
  long slot(long block, long count) {
    if (block < 0 || count < 0 || count > header.imageBlockCount() - block) {
      throw new IndexOutOfBoundsException(
          "%d blocks from %d of %d".formatted(count, block, header.imageBlockCount()));
    }
    return header.dataOffset() + block * Blocks.BYTES;
  }

  private synchronized void requireReserved(long offset, long byteCount) {
    requireOpen();
    if (offset < header.dataOffset() || byteCount > end - offset) {
      throw new IndexOutOfBoundsException(
          "%d bytes at %d of %s, which ends at %d".formatted(byteCount, offset, path(), end));
    }
  }

  private synchronized void requireOpen() {
    if (finished || closed) {
      throw new IllegalStateException(
          "%s is %s".formatted(path(), finished ? "finished" : "closed"));
    }
  }

  private static void requireBlocks(MemorySegment blocks) {
    if (blocks.byteSize() % Blocks.BYTES != 0) {
      throw new IllegalArgumentException("blocks of %d bytes".formatted(blocks.byteSize()));
    }
  }

  private static long aligned(long offset, int alignment) {
    return Math.ceilDiv(offset, (long) alignment) * alignment;
  }
}
