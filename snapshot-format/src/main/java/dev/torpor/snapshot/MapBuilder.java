package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Builds a child's block map: goes down to each changed block once, in order, and writes the nodes
 * on the way anew, children before their parents. A node without references is not stored.
 */
final class MapBuilder {
  private static final int BUFFERED_NODES = 256;

  /** A child's nodes are wanted soon, a full image's would push out all others. */
  private static final int CACHED_NODES = 8192;

  private final Image parent;
  private final LayerWriter writer;
  private final NodeCache nodes;
  private final LiveCounts counts;
  private final long[][] words;
  private final CRC32C crc = new CRC32C();
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFERED_NODES * MapNode.BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private long bufferOffset;
  private ChangeCursor changes;
  private boolean more;
  private int writtenNodes;

  // The reference to the node that was rebuilt last.
  private long resultHead;
  private long resultOffset;

  MapBuilder(Image parent, LayerWriter writer) {
    this.parent = parent;
    this.writer = writer;
    this.nodes = parent.layers().nodes();
    this.counts = new LiveCounts(parent.layers(), parent.layersInUse());
    this.words = new long[parent.height()][MapNode.WORDS];
  }

  Image build(ChangeCursor cursor) {
    ImageRoot old = parent.root();
    changes = cursor;
    resultHead = old.map().head();
    resultOffset = old.map().offset();
    if (next()) {
      rebuild(parent.height() - 1, 0, resultHead, resultOffset);
      flush();
    }
    List<LayerUse> uses = counts.uses();
    int flatLayer = old.flatMap().layer();
    boolean flat = uses.stream().anyMatch(use -> use.layer() == flatLayer);
    return Image.open(
        parent.layers(),
        new ImageRoot(
            old.blockCount(),
            MapRoot.of(resultHead, resultOffset),
            flat ? old.flatMap() : MapRoot.ABSENT,
            uses));
  }

  private boolean next() {
    more = changes.advance();
    if (more && changes.block >= parent.blockCount()) {
      throw new IndexOutOfBoundsException(
          "block %d of %d".formatted(changes.block, parent.blockCount()));
    }
    return more;
  }

  private void rebuild(int level, long base, long head, long offset) {
    MapNode old = nodes.getOrEmpty(head, offset);
    long[] fresh = words[level];
    old.copyTo(fresh);
    long end = base + MapNode.span(level + 1);
    while (more && changes.block < end) {
      int index = MapNode.index(changes.block, level);
      if (level == 0) {
        replaceBlock(fresh, index);
        next();
      } else {
        rebuild(
            level - 1, base + index * MapNode.span(level), fresh[2 * index], fresh[2 * index + 1]);
        fresh[2 * index] = resultHead;
        fresh[2 * index + 1] = resultOffset;
      }
    }
    if (old.holds(fresh)) {
      resultHead = head;
      resultOffset = offset;
    } else {
      counts.removeNode(head);
      write(fresh);
    }
  }

  private void replaceBlock(long[] leaf, int index) {
    counts.removeBlock(leaf[2 * index]);
    counts.addBlock(changes.head);
    leaf[2 * index] = changes.head;
    leaf[2 * index + 1] = changes.offset;
  }

  private void write(long[] node) {
    if (MapNode.EMPTY.holds(node)) {
      resultHead = BlockRef.ABSENT_HEAD;
      resultOffset = 0;
      return;
    }
    long offset = writer.reserve(MapNode.BYTES, MapNode.BYTES);
    // Others may append to the layer meanwhile: then the nodes are not in one piece.
    if (!buffer.hasRemaining() || offset != bufferOffset + buffer.position()) {
      flush();
      bufferOffset = offset;
    }
    int start = buffer.position();
    for (long word : node) {
      buffer.putLong(word);
    }
    crc.reset();
    crc.update(buffer.slice(start, MapNode.BYTES));
    counts.addNode(writer.number());
    int checksum = (int) crc.getValue();
    if (++writtenNodes <= CACHED_NODES) {
      nodes.put(MapNode.of(writer.number(), offset, checksum, node));
    }
    resultHead = BlockRef.head(writer.number(), checksum);
    resultOffset = offset;
  }

  private void flush() {
    if (buffer.position() == 0) {
      return;
    }
    writer.write(bufferOffset, buffer.flip());
    buffer.clear();
  }
}
