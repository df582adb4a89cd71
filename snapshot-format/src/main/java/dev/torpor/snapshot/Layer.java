package dev.torpor.snapshot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * A finished layer, for reading by any number of threads. Its header is verified; what else it
 * holds is verified by whoever has the reference with the checksum. No read goes beyond the file.
 */
public final class Layer implements AutoCloseable {
  private final PositionedFile file;
  private final LayerHeader header;

  private Layer(PositionedFile file, LayerHeader header) {
    this.file = file;
    this.header = header;
  }

  static Layer open(Path path, ChannelLimit limit, int number) {
    PositionedFile file = openFile(path, limit, StandardOpenOption.READ);
    try {
      LayerHeader header = readHeader(file, number);
      if (!header.finished()) {
        throw new SnapshotFormatException(
            path, LayerHeader.FINISHED_AT, "a finished layer", "one that is still being written");
      }
      requireSize(file, header.byteCount());
      return new Layer(file, header);
    } catch (Throwable e) {
      file.close();
      throw e;
    }
  }

  static PositionedFile openFile(Path path, ChannelLimit limit, StandardOpenOption... options) {
    try {
      return new PositionedFile(path, limit, FileChannel.open(path, options), options);
    } catch (NoSuchFileException e) {
      throw new SnapshotFormatException(path, 0, "a layer", "no file");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot open the layer %s: %s".formatted(path, e), e);
    }
  }

  static LayerHeader readHeader(PositionedFile file, int number) {
    ByteBuffer bytes = ByteBuffer.allocateDirect(LayerHeader.BYTES);
    int count = file.read(bytes, 0);
    if (count < LayerHeader.BYTES) {
      throw new SnapshotFormatException(
          file.path(), count, "a header of " + LayerHeader.BYTES + " bytes", "the file's end");
    }
    LayerHeader header = LayerHeader.decode(file.path(), bytes.clear());
    if (header.number() != number) {
      throw new SnapshotFormatException(
          file.path(),
          LayerHeader.NUMBER_AT,
          "layer number " + number,
          Integer.toUnsignedString(header.number()));
    }
    return header;
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
   * What tells the layer from every other, in any store.
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
   * How many blocks the image has that the layer was written for.
   *
   * @return the count
   */
  public long imageBlockCount() {
    return header.imageBlockCount();
  }

  /**
   * Where the layer's blocks begin: in a flat layer, block {@code i} is at {@code dataOffset() + i
   * * Blocks.BYTES}.
   *
   * @return bytes from the start of the file
   */
  public long dataOffset() {
    return header.dataOffset();
  }

  /**
   * How many bytes of the file belong to the layer.
   *
   * @return the count, holes of a sparse file included
   */
  public long byteCount() {
    return header.byteCount();
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
   * Reads bytes as they are, unverified.
   *
   * @param offset where they begin, from the start of the file
   * @param into what to fill
   * @throws SnapshotFormatException if the layer ends before the bytes do
   * @throws UncheckedIOException if the file cannot be read
   */
  public void read(long offset, MemorySegment into) {
    requireInside(offset, into.byteSize());
    requireRead(offset, into.byteSize(), file.read(into, offset));
  }

  /** The same, from the buffer's position to its limit; allocates nothing for a direct buffer. */
  void read(long offset, ByteBuffer into) {
    int wanted = into.remaining();
    requireInside(offset, wanted);
    requireRead(offset, wanted, file.read(into, offset));
  }

  /**
   * Makes sure that a part of the layer can be mapped: that the file has not lost it since it was
   * opened.
   *
   * @param offset where it begins, from the start of the file; block-aligned
   * @param wanted how many bytes
   * @throws SnapshotFormatException if the part is not aligned, or the layer or its file ends
   *     before
   */
  public void requireMappable(long offset, long wanted) {
    requireBlocks(offset, wanted);
    requireFileSize(offset + wanted);
  }

  /** Makes sure that a place is inside the layer and a block can begin there. */
  void requireBlocks(long offset, long wanted) {
    requireInside(offset, wanted);
    if (offset % Blocks.BYTES != 0) {
      throw new SnapshotFormatException(path(), offset, "a block's offset", "one within a block");
    }
  }

  /** Makes sure that the file is still as long. */
  void requireFileSize(long wanted) {
    requireSize(file, wanted);
  }

  /** Closes the file for good. */
  @Override
  public void close() {
    file.close();
  }

  private void requireInside(long offset, long wanted) {
    if (offset < LayerHeader.BYTES || wanted < 0 || wanted > header.byteCount() - offset) {
      throw new SnapshotFormatException(
          path(),
          offset,
          "%d bytes inside the layer".formatted(wanted),
          "a layer of %d bytes".formatted(header.byteCount()));
    }
  }

  private void requireRead(long offset, long wanted, long found) {
    if (found < wanted) {
      throw new SnapshotFormatException(
          path(), offset + found, "%d more bytes".formatted(wanted - found), "the file's end");
    }
  }

  private static void requireSize(PositionedFile file, long wanted) {
    long size = file.size();
    if (size < wanted) {
      throw new SnapshotFormatException(
          file.path(), size, "a file of at least %d bytes".formatted(wanted), "its end");
    }
  }
}
