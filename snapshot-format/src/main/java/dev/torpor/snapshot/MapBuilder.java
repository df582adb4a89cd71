package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.LongBuffer;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Builds a child's block map: goes down to each changed block once, in order, and writes the nodes
 * on the way anew, children before their parents. A node without references is not stored.
 */
final class MapBuilder {
  /** A child's nodes are wanted soon, a full image's would push out all others. */
  private static final int CACHED_NODES = 8192;

  private final Image parent;
  private final LayerWriter writer;
  private final NodeCache nodes;
  private final LiveCounts counts;
  private final CRC32C crc = new CRC32C();

  // The nodes that await one write, as bytes and as words, and where in the layer they begin.
  private final ByteBuffer buffer;
  private final LongBuffer words;
  private int bufferedBytes;
  private long bufferOffset;

  /** The nodes that are being rebuilt, by level. */
  private final long[][] levels;

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
    this.levels = new long[parent.height()][MapNode.WORDS];
    this.buffer = parent.layers().nodeBuffers().take();
    this.words = buffer.asLongBuffer();
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
    parent.layers().nodeBuffers().giveBack(buffer);
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
    long[] fresh = levels[level];
    nodes.copyOrAbsent(head, offset, fresh);
    long end = base + MapNode.span(level + 1);
    boolean differs = false;
    while (more && changes.block < end) {
      int index = MapNode.index(changes.block, level);
      if (level == 0) {
        differs |= replaceBlock(fresh, index);
        next();
      } else {
        rebuild(
            level - 1,
            base + index * MapNode.span(level),
            MapNode.head(fresh, index),
            MapNode.offset(fresh, index));
        differs |= replace(fresh, index, resultHead, resultOffset);
      }
    }
    if (differs) {
      counts.removeNode(head);
      write(fresh);
    } else {
      resultHead = head;
      resultOffset = offset;
    }
  }

  private boolean replaceBlock(long[] leaf, int index) {
    counts.removeBlock(leaf[2 * index]);
    counts.addBlock(changes.head);
    return replace(leaf, index, changes.head, changes.offset);
  }

  /** Replaces a reference; tells whether it was another. */
  private static boolean replace(long[] node, int index, long head, long offset) {
    boolean differs = node[2 * index] != head || node[2 * index + 1] != offset;
    node[2 * index] = head;
    node[2 * index + 1] = offset;
    return differs;
  }

  private void write(long[] node) {
    if (MapNode.isAbsent(node)) {
      resultHead = BlockRef.ABSENT_HEAD;
      resultOffset = 0;
      return;
    }
    long offset = writer.reserve(MapNode.BYTES, MapNode.BYTES);
    // Others may append to the layer meanwhile: then the nodes are not in one piece.
    if (offset % NodeBuffers.BYTES == 0 || offset != bufferOffset + bufferedBytes) {
      flush();
      bufferOffset = offset;
    }
    words.put(bufferedBytes / Long.BYTES, node);
    int checksum = Checksums.of(crc, buffer, bufferedBytes, MapNode.BYTES);
    bufferedBytes += MapNode.BYTES;
    counts.addNode(writer.number());
    resultHead = BlockRef.head(writer.number(), checksum);
    resultOffset = offset;
    if (++writtenNodes <= CACHED_NODES) {
      nodes.put(resultHead, resultOffset, node);
    }
  }

  private void flush() {
    if (bufferedBytes > 0) {
      writer.write(bufferOffset, buffer.limit(bufferedBytes).position(0));
      bufferedBytes = 0;
    }
  }
}
