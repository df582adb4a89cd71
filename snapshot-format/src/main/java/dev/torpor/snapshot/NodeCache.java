package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * The nodes of all block maps of a store that were read lately: verified, bounded, without locks.
 * Four places in a row are a node's, chosen by where it is stored; a node that comes pushes out one
 * of them. A hit allocates nothing.
 */
final class NodeCache {
  private static final int WAYS = 4;
  private static final int SETS = 4096;

  private final Layers layers;
  private final AtomicReferenceArray<MapNode> places = new AtomicReferenceArray<>(SETS * WAYS);

  private final LongAdder loadCount = new LongAdder();

  NodeCache(Layers layers) {
    this.layers = layers;
  }

  /**
   * The node that a reference leads to.
   *
   * @throws SnapshotFormatException if there is none, or its bytes have another checksum
   */
  MapNode get(long head, long offset) {
    int layer = BlockRef.layerOf(head);
    int first = set(layer, offset) * WAYS;
    for (int way = 0; way < WAYS; way++) {
      MapNode node = places.getAcquire(first + way);
      if (node != null && node.offset == offset && node.layer == layer) {
        requireChecksum(layer, offset, BlockRef.checksumOf(head), node.checksum);
        return node;
      }
    }
    MapNode node = load(head, offset);
    put(node);
    return node;
  }

  /** Takes a node that was just read and verified, or made. */
  void put(MapNode node) {
    // Which of the four goes is left to chance: it costs nothing and fits any pattern.
    int way = (int) ((System.nanoTime() >>> 4) & (WAYS - 1));
    places.setRelease(set(node.layer, node.offset) * WAYS + way, node);
  }

  /** The same, or {@link MapNode#EMPTY} for an absent reference. */
  MapNode getOrEmpty(long head, long offset) {
    return BlockRef.layerOf(head) == BlockRef.ABSENT ? MapNode.EMPTY : get(head, offset);
  }

  /** How many nodes were read from layers so far. */
  long loadCount() {
    return loadCount.sum();
  }

  private MapNode load(long head, long offset) {
    int layer = BlockRef.layerOf(head);
    if (layer < 1 || offset % MapNode.BYTES != 0) {
      throw new SnapshotFormatException(
          layers.path(layer), offset, "a map node in a layer", "a reference that leads to none");
    }
    loadCount.increment();
    ByteBuffer bytes = ByteBuffer.allocate(MapNode.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    layers.layer(layer).read(offset, bytes);
    MapNode node = MapNode.decode(layer, offset, bytes.clear());
    requireChecksum(layer, offset, BlockRef.checksumOf(head), node.checksum);
    return node;
  }

  private void requireChecksum(int layer, long offset, int expected, int found) {
    if (expected != found) {
      throw new SnapshotFormatException(
          layers.path(layer),
          offset,
          "a map node with CRC32C %08x".formatted(expected),
          "%08x".formatted(found));
    }
  }

  private static int set(int layer, long offset) {
    long mixed = (offset / MapNode.BYTES + layer * 0x9e37_79b9L) * 0x9e37_79b9_7f4a_7c15L;
    return (int) (mixed >>> (Long.SIZE - 12));
  }
}
