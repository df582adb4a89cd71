package dev.torpor.snapshot;

/**
 * Looks blocks of one image up by the batch. The leaves of a large map are mostly in memory and not
 * in the processor's caches: each step is a loop of its own, so that it waits for many of them at
 * once. Allocates nothing for nodes that were read lately. For one thread at a time.
 */
final class BlockLookup {
  /** How many blocks are looked up at most at once. */
  static final int BATCH = 256;

  private final Image image;
  private final NodeCache nodes;
  private final long[] heads = new long[BATCH];
  private final long[] offsets = new long[BATCH];
  private final MapNode[] leaves = new MapNode[BATCH];

  // The node above the leaf of the last block; neighbours share it.
  private MapNode above = MapNode.EMPTY;
  private long aboveIndex = -1;

  BlockLookup(Image image) {
    this.image = image;
    this.nodes = image.layers().nodes();
  }

  /** Looks up some blocks of an array, each inside the image. */
  void find(long[] blocks, int first, int count) {
    for (int i = 0; i < count; i++) {
      findLeaf(blocks[first + i], i);
      leaves[i] = nodes.candidate(heads[i], offsets[i]);
    }
    for (int i = 0; i < count; i++) {
      if (leaves[i] == null || !leaves[i].isAt(heads[i], offsets[i])) {
        leaves[i] = nodes.getOrEmpty(heads[i], offsets[i]);
      }
    }
    for (int i = 0; i < count; i++) {
      int index = MapNode.index(blocks[first + i], 0);
      heads[i] = leaves[i].head(index);
      offsets[i] = leaves[i].offset(index);
    }
  }

  /** The head of the reference to a block of the batch. */
  long head(int index) {
    return heads[index];
  }

  /** Where in its layer a block of the batch begins. */
  long offset(int index) {
    return offsets[index];
  }

  private void findLeaf(long block, int i) {
    MapRoot root = image.root().map();
    if (image.height() == 1) {
      heads[i] = root.head();
      offsets[i] = root.offset();
      return;
    }
    if (block / MapNode.span(2) != aboveIndex) {
      above = findAbove(block, root);
      aboveIndex = block / MapNode.span(2);
    }
    int index = MapNode.index(block, 1);
    heads[i] = above.head(index);
    offsets[i] = above.offset(index);
  }

  private MapNode findAbove(long block, MapRoot root) {
    MapNode node = nodes.getOrEmpty(root.head(), root.offset());
    for (int level = image.height() - 1; level > 1; level--) {
      int index = MapNode.index(block, level);
      node = nodes.getOrEmpty(node.head(index), node.offset(index));
    }
    return node;
  }
}
