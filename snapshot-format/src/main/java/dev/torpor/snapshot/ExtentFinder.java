package dev.torpor.snapshot;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Finds an image's runs. Where the image descends from a full one in a flat layer, its map is
 * walked beside that image's: what both share is at its natural place in the flat layer, or a hole
 * of it, and needs no visit.
 */
final class ExtentFinder {
  private final Image image;
  private final NodeCache nodes;

  // The nodes on the way, by level: the image's, and their counterparts of the flat one.
  private final long[][] own;
  private final long[][] flats;

  private final int maxCount;
  private final int flatLayer;
  private final List<Extent> extents = new ArrayList<>();
  private final Map<Integer, Long> ends = new HashMap<>();

  // The run that grows; none while the layer is 0.
  private int layer;
  private long first;
  private long end;
  private long offset;

  ExtentFinder(Image image, int maxCount) {
    this.image = image;
    this.nodes = image.layers().nodes();
    this.own = new long[image.height()][MapNode.WORDS];
    this.flats = new long[image.height()][MapNode.WORDS];
    this.maxCount = maxCount;
    this.flatLayer = image.root().flatMap().layer();
  }

  Optional<List<Extent>> find() {
    MapRoot map = image.root().map();
    MapRoot flat = image.root().flatMap();
    requireFlat();
    if (!walk(map.head(), map.offset(), flat.head(), flat.offset(), image.height() - 1, 0)) {
      return Optional.empty();
    }
    endRun();
    ends.forEach((number, bytes) -> image.layers().layer(number).requireFileSize(bytes));
    return Optional.of(List.copyOf(extents));
  }

  /** Walks one node of the image and its counterpart; false as soon as there are too many runs. */
  private boolean walk(
      long head, long offset, long flatHead, long flatOffset, int level, long base) {
    boolean absent = BlockRef.layerOf(head) == BlockRef.ABSENT;
    if (flatLayer != 0 && head == flatHead && offset == flatOffset) {
      long last = Math.min(base + MapNode.span(level + 1), image.blockCount());
      return absent || growAtHome(base, last);
    }
    if (absent) {
      endRun();
      return true;
    }
    long[] node = own[level];
    long[] flat = flats[level];
    nodes.copy(head, offset, node);
    nodes.copyOrAbsent(flatHead, flatOffset, flat);
    int count = image.references(base, level);
    for (int i = 0; i < count; i++) {
      long at = base + i * MapNode.span(level);
      long nextHead = MapNode.head(node, i);
      long nextOffset = MapNode.offset(node, i);
      long nextFlatHead = MapNode.head(flat, i);
      boolean more =
          level > 0
              ? walk(nextHead, nextOffset, nextFlatHead, MapNode.offset(flat, i), level - 1, at)
              : visit(at, nextHead, nextOffset, nextFlatHead);
      if (!more) {
        return false;
      }
    }
    return true;
  }

  private boolean visit(long block, long head, long offset, long flatHead) {
    if (BlockRef.isStored(head)) {
      int number = BlockRef.layerOf(head);
      return (number == flatLayer && offset == home(block))
          ? growAtHome(block, block + 1)
          : grow(block, number, offset);
    }
    boolean hole =
        flatLayer != 0
            && BlockRef.layerOf(head) == BlockRef.ABSENT
            && BlockRef.layerOf(flatHead) == BlockRef.ABSENT;
    if (!hole) {
      endRun();
    }
    return true;
  }

  /** Adds blocks at their natural places; holes since the run's end become part of it. */
  private boolean growAtHome(long from, long to) {
    if (layer == flatLayer && offset == home(first)) {
      end = to;
      return true;
    }
    return begin(from, to, flatLayer, home(from));
  }

  private boolean grow(long block, int number, long at) {
    long next = offset + (end - first) * Blocks.BYTES;
    if (layer == number && end == block && next == at) {
      end++;
      return true;
    }
    return begin(block, block + 1, number, at);
  }

  private boolean begin(long from, long to, int number, long at) {
    endRun();
    layer = number;
    first = from;
    end = to;
    offset = at;
    return extents.size() < maxCount;
  }

  private void endRun() {
    if (layer != 0) {
      long byteCount = (end - first) * Blocks.BYTES;
      image.layers().layer(layer).requireBlocks(offset, byteCount);
      ends.merge(layer, offset + byteCount, Math::max);
      extents.add(new Extent(first, end - first, layer, offset));
      layer = 0;
    }
  }

  private static long home(long block) {
    return LayerHeader.FLAT_DATA_OFFSET + block * Blocks.BYTES;
  }

  private void requireFlat() {
    if (flatLayer == 0) {
      return;
    }
    Layer flat = image.layers().layer(flatLayer);
    if (flat.kind() != LayerKind.FLAT || flat.imageBlockCount() != image.blockCount()) {
      throw new SnapshotFormatException(
          flat.path(),
          LayerHeader.KIND_AT,
          "a flat layer of %d blocks".formatted(image.blockCount()),
          "a %s one of %d".formatted(flat.kind(), flat.imageBlockCount()));
    }
  }
}
