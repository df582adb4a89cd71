package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * A node of a block map: {@value #FAN_OUT} references, as pairs of head and offset. A leaf's lead
 * to blocks, an inner node's to nodes. Immutable.
 */
final class MapNode {
  static final int FAN_OUT = 64;
  static final int FAN_OUT_BITS = 6;
  static final int BYTES = FAN_OUT * BlockRef.BYTES;
  static final int WORDS = 2 * FAN_OUT;

  /** What stands for a node that is absent: all its references are absent. */
  static final MapNode EMPTY = new MapNode(0, 0, 0, new long[WORDS]);

  final int layer;
  final long offset;
  final int checksum;
  private final long[] words;

  private MapNode(int layer, long offset, int checksum, long[] words) {
    this.layer = layer;
    this.offset = offset;
    this.checksum = checksum;
    this.words = words;
  }

  /** A node whose references are these; nobody changes them any more. */
  static MapNode of(int layer, long offset, int checksum, long[] words) {
    return new MapNode(layer, offset, checksum, words);
  }

  static MapNode decode(int layer, long offset, ByteBuffer bytes) {
    long[] words = new long[WORDS];
    bytes.asLongBuffer().get(words);
    CRC32C crc = new CRC32C();
    crc.update(bytes);
    return new MapNode(layer, offset, (int) crc.getValue(), words);
  }

  long head(int index) {
    return words[2 * index];
  }

  long offset(int index) {
    return words[2 * index + 1];
  }

  /** Whether this is the node that a reference leads to. */
  boolean isAt(long head, long at) {
    return offset == at && BlockRef.head(layer, checksum) == head;
  }

  /** A copy of the references, the caller's. */
  long[] copy() {
    return words.clone();
  }

  /** Whether the node's references are those of a copy. */
  boolean holds(long[] copy) {
    return Arrays.equals(words, copy);
  }

  /** How many levels of nodes a map of so many blocks has: at least 1. */
  static int height(long blockCount) {
    int bits = Long.SIZE - Long.numberOfLeadingZeros(blockCount - 1);
    return Math.max(1, Math.ceilDiv(bits, FAN_OUT_BITS));
  }

  /** How many blocks one reference of a node leads to; leaves have level 0. */
  static long span(int level) {
    return 1L << (FAN_OUT_BITS * level);
  }

  /** Which reference of a node of a level leads to a block. */
  static int index(long block, int level) {
    return (int) (block >>> (FAN_OUT_BITS * level)) & (FAN_OUT - 1);
  }
}
