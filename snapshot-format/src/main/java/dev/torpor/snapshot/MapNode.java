package dev.torpor.snapshot;

import java.util.Arrays;

/**
 * The shape of a block map's nodes: {@value #FAN_OUT} references, as pairs of head and offset. A
 * leaf's lead to blocks, an inner node's to nodes. In memory a node is an array of its words.
 */
final class MapNode {
  static final int FAN_OUT = 64;
  static final int FAN_OUT_BITS = 6;
  static final int BYTES = FAN_OUT * BlockRef.BYTES;
  static final int WORDS = 2 * FAN_OUT;

  private static final long[] ABSENT = new long[WORDS];

  private MapNode() {}

  static long head(long[] node, int index) {
    return node[2 * index];
  }

  static long offset(long[] node, int index) {
    return node[2 * index + 1];
  }

  /** Whether all of a node's references are absent: it is as good as no node. */
  static boolean isAbsent(long[] node) {
    return Arrays.equals(node, ABSENT);
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
