package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;

/**
 * Writes a child of a memory image into a layer of its own, from blocks that come in any order and
 * perhaps more than once: the last content counts. Zero blocks and blocks that equal the parent's
 * are not stored. For any number of threads, one of which works at a time.
 */
@SuppressWarnings("DoNotCallSuggester")
public final class ImageWriter implements AutoCloseable {
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
    throw new UnsupportedOperationException();
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
  public void put(long[] blocks, int count, MemorySegment contents) {
    throw new UnsupportedOperationException();
  }

  /**
   * How many bytes of blocks the layer holds so far: of those that will be in the image.
   *
   * @return the number of bytes, without nodes
   */
  public long storedBytes() {
    throw new UnsupportedOperationException();
  }

  /**
   * The number of the layer that is being written.
   *
   * @return from 1
   */
  public int layer() {
    throw new UnsupportedOperationException();
  }

  /**
   * Writes the block map and ends the layer. The image can be read and mapped at once; it is not
   * durable yet.
   *
   * @return the child; without any difference, it equals the parent and the layer is empty
   * @throws java.io.UncheckedIOException if the map cannot be written
   */
  public Image finish() {
    throw new UnsupportedOperationException();
  }

  /**
   * Makes the image durable, after {@link #finish}.
   *
   * @throws java.io.UncheckedIOException if the file system fails
   */
  public void sync() {
    throw new UnsupportedOperationException();
  }

  /** Lets the layer's file go; deletes it if the image was not finished. */
  @Override
  public void close() {
    throw new UnsupportedOperationException();
  }
}
