package dev.torpor.snapshot;

import java.util.function.LongConsumer;

/** Finds where the maps of two images of one size differ. Nodes that both share are skipped. */
final class ImageDifference {
  private final Image image;
  private final Image other;
  private final LongConsumer sink;
  private final NodeCache nodes;

  // The nodes on the way, by level.
  private final long[][] ours;
  private final long[][] theirs;

  ImageDifference(Image image, Image other, LongConsumer sink) {
    this.image = image;
    this.other = other;
    this.sink = sink;
    this.nodes = image.layers().nodes();
    this.ours = new long[image.height()][MapNode.WORDS];
    this.theirs = new long[image.height()][MapNode.WORDS];
  }

  void find() {
    MapRoot map = image.root().map();
    MapRoot otherMap = other.root().map();
    walk(map.head(), map.offset(), otherMap.head(), otherMap.offset(), image.height() - 1, 0);
  }

  private void walk(
      long head, long offset, long otherHead, long otherOffset, int level, long base) {
    if (head == otherHead && offset == otherOffset) {
      return;
    }
    if (level < 0) {
      sink.accept(base);
      return;
    }
    long[] node = ours[level];
    long[] counterpart = theirs[level];
    nodes.copyOrAbsent(head, offset, node);
    nodes.copyOrAbsent(otherHead, otherOffset, counterpart);
    int count = image.references(base, level);
    for (int i = 0; i < count; i++) {
      walk(
          MapNode.head(node, i),
          MapNode.offset(node, i),
          MapNode.head(counterpart, i),
          MapNode.offset(counterpart, i),
          level - 1,
          base + i * MapNode.span(level));
    }
  }
}
