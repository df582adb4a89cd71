package dev.torpor.snapshot;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Counts, while a map is built, how much of each layer the new image uses. */
final class LiveCounts {
  private static final class Count {
    final int layer;
    long blocks;
    long nodes;

    Count(int layer) {
      this.layer = layer;
    }
  }

  private final Layers layers;
  private final Map<Integer, Count> counts = new TreeMap<>();

  // A child's blocks take the places of its parent's: mostly two layers, one after the other.
  private Count last;
  private Count beforeLast;

  LiveCounts(Layers layers, List<LayerUse> start) {
    this.layers = layers;
    for (LayerUse use : start) {
      Count count = count(use.layer());
      count.blocks = use.liveBlocks();
      count.nodes = use.liveNodes();
    }
  }

  void addBlock(long head) {
    if (BlockRef.isStored(head)) {
      count(BlockRef.layerOf(head)).blocks++;
    }
  }

  void removeBlock(long head) {
    if (BlockRef.isStored(head)) {
      requireLive(BlockRef.layerOf(head), --count(BlockRef.layerOf(head)).blocks);
    }
  }

  void addNode(int layer) {
    count(layer).nodes++;
  }

  void removeNode(long head) {
    if (BlockRef.isStored(head)) {
      requireLive(BlockRef.layerOf(head), --count(BlockRef.layerOf(head)).nodes);
    }
  }

  List<LayerUse> uses() {
    return counts.entrySet().stream()
        .filter(entry -> entry.getValue().blocks + entry.getValue().nodes > 0)
        .map(entry -> new LayerUse(entry.getKey(), entry.getValue().blocks, entry.getValue().nodes))
        .toList();
  }

  private Count count(int layer) {
    if (last == null || last.layer != layer) {
      Count found = beforeLast;
      if (found == null || found.layer != layer) {
        found = counts.computeIfAbsent(layer, Count::new);
      }
      beforeLast = last;
      last = found;
    }
    return last;
  }

  private void requireLive(int layer, long count) {
    if (count < 0) {
      throw new SnapshotFormatException(
          layers.path(layer),
          0,
          "a layer with as many references as the image's table says",
          "one more than the table has");
    }
  }
}
