package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;

/**
 * The nodes of all block maps of a store that were read lately: verified, bounded, without locks.
 * Four places in a row are a node's, chosen by where it is stored; a node that comes pushes out the
 * one that came first: not one of the same image, which is what chance would often hit. A hit
 * allocates nothing.
 */
final class NodeCache {
  private static final int WAYS = 4;
  private static final int SETS = 4096;

  private final Layers layers;
  private final AtomicReferenceArray<MapNode> places = new AtomicReferenceArray<>(SETS * WAYS);

  /**
   * For each place its node's key, so that the nodes of the other places need not be touched, which
   * are in memory and not in the processor's caches. A key may be of another node for a moment.
   */
  private final long[] keys = new long[SETS * WAYS];

  private final LongAdder loadCount = new LongAdder();

  /** Which of four places is taken next. Threads that lose a count to each other do no harm. */
  private final byte[] turns = new byte[SETS];

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
    long key = key(layer, offset);
    int first = set(key) * WAYS;
    for (int place = first; place < first + WAYS; place++) {
      if (keys[place] != key) {
        continue;
      }
      MapNode node = places.getAcquire(place);
      if (node != null && node.offset == offset && node.layer == layer) {
        requireChecksum(layer, offset, BlockRef.checksumOf(head), node.checksum);
        return node;
      }
    }
    MapNode node = load(head, offset);
    put(node);
    return node;
  }

  /**
   * A node that is probably the one that a reference leads to, without touching it; null if it is
   * not here. {@link MapNode#isAt} tells.
   */
  MapNode candidate(long head, long offset) {
    long key = key(BlockRef.layerOf(head), offset);
    int first = set(key) * WAYS;
    for (int place = first; place < first + WAYS; place++) {
      if (keys[place] == key) {
        return places.getAcquire(place);
      }
    }
    return null;
  }

  /** Takes a node that was just read and verified, or made. */
  void put(MapNode node) {
    long key = key(node.layer, node.offset);
    int set = set(key);
    int place = set * WAYS + (turns[set]++ & (WAYS - 1));
    places.setRelease(place, node);
    keys[place] = key;
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

  private static long key(int layer, long offset) {
    return (offset / MapNode.BYTES + layer * 0x9e37_79b9L) * 0x9e37_79b9_7f4a_7c15L;
  }

  private static int set(long key) {
    return (int) (key >>> (Long.SIZE - 12));
  }
}
