package dev.torpor.snapshot;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Verifies the part of a layer that a mapping of one run would show. */
final class ExtentCheck {
  private static final int CHUNK_BLOCKS = 256;

  private final Image image;
  private final Extent extent;
  private final Layer layer;
  private final BlockRef ref = new BlockRef();

  ExtentCheck(Image image, Extent extent) {
    Objects.checkFromIndexSize(extent.firstBlock(), extent.blockCount(), image.blockCount());
    this.image = image;
    this.extent = extent;
    this.layer = image.layers().layer(extent.layer());
  }

  void run() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate((long) CHUNK_BLOCKS * Blocks.BYTES);
      for (long done = 0; done < extent.blockCount(); done += CHUNK_BLOCKS) {
        long count = Math.min(CHUNK_BLOCKS, extent.blockCount() - done);
        MemorySegment bytes = chunk.asSlice(0, count * Blocks.BYTES);
        layer.read(extent.offset() + done * Blocks.BYTES, bytes);
        for (int i = 0; i < count; i++) {
          requireRight(done + i, bytes, (long) i * Blocks.BYTES);
        }
      }
    }
  }

  private void requireRight(long index, MemorySegment bytes, long at) {
    long block = extent.firstBlock() + index;
    long offset = extent.offset() + index * Blocks.BYTES;
    image.find(block, ref);
    if (ref.isStored()) {
      if (ref.layer() != extent.layer() || ref.offset() != offset) {
        throw new IllegalArgumentException("%s does not map block %d".formatted(extent, block));
      }
      Image.requireChecksum(layer, block, ref, Checksums.of(bytes, at, Blocks.BYTES));
    } else if (!Blocks.isZero(bytes, at)) {
      throw new SnapshotFormatException(
          layer.path(), offset, "zeroes for the absent block " + block, "other bytes");
    }
  }
}
