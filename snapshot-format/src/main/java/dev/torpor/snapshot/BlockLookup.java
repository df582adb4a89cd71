package dev.torpor.snapshot;

/**
 * Looks blocks of one image up by the batch. The leaves of a large map are mostly in memory and not
 * in the processor's caches: they are read in a loop of its own, so that it waits for many of them
 * at once. Allocates nothing for nodes that were read lately. For one thread at a time.
 */
final class BlockLookup {
  /** How many blocks are looked up at most at once. */
  static final int BATCH = 256;

  private final Image image;
  private final NodeCache nodes;
  private final long[] heads = new long[BATCH];
  private final long[] offsets = new long[BATCH];
  private final int[] places = new int[BATCH];
  private final BlockRef ref = new BlockRef();

  // The node above the leaf of the last block; neighbours share it.
  private final long[] above = new long[MapNode.WORDS];
  private long aboveIndex = -1;

  BlockLookup(Image image) {
    this.image = image;
    this.nodes = image.layers().nodes();
  }

  /** Looks up some blocks of an array, each inside the image. */
  void find(long[] blocks, int first, int count) {
    for (int i = 0; i < count; i++) {
      findLeaf(blocks[first + i], i);
      places[i] = nodes.place(heads[i], offsets[i]);
    }
    for (int i = 0; i < count; i++) {
      readLeaf(MapNode.index(blocks[first + i], 0), i);
    }
  }

  private void readLeaf(int index, int i) {
    boolean absent = BlockRef.layerOf(heads[i]) == BlockRef.ABSENT;
    if (absent) {
      ref.set(BlockRef.ABSENT_HEAD, 0);
    } else if (!nodes.tryRead(places[i], heads[i], offsets[i], index, ref)) {
      nodes.read(heads[i], offsets[i], index, ref);
    }
    heads[i] = ref.head();
    offsets[i] = ref.offset();
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
      aboveIndex = -1;
      findAbove(block, root);
      aboveIndex = block / MapNode.span(2);
    }
    int index = MapNode.index(block, 1);
    heads[i] = MapNode.head(above, index);
    offsets[i] = MapNode.offset(above, index);
  }

  private void findAbove(long block, MapRoot root) {
    ref.set(root.head(), root.offset());
    for (int level = image.height() - 1; level > 1 && !ref.isAbsent(); level--) {
      nodes.read(ref.head(), ref.offset(), MapNode.index(block, level), ref);
    }
    nodes.copyOrAbsent(ref.head(), ref.offset(), above);
  }
}
