package dev.torpor.snapshot;

/**
 * A reference to the root node of a block map.
 *
 * @param layer the number of the layer that holds the node, from 1; 0 if there is no node because
 *     every block is absent
 * @param checksum the CRC32C of the node
 * @param offset where the node begins, in bytes from the start of the layer's file
 */
public record MapRoot(int layer, int checksum, long offset) {
  /** The root of a map in which every block is absent. */
  public static final MapRoot ABSENT = new MapRoot(BlockRef.ABSENT, 0, 0);

  /**
   * Checks the layer's number; what it leads to is checked when it is read.
   *
   * @throws IllegalArgumentException if the layer's number is negative, or 0 with a place
   */
  public MapRoot {
    if (layer < 0 || (layer == 0 && (checksum != 0 || offset != 0))) {
      throw new IllegalArgumentException(
          "map root in layer %d at byte %d".formatted(layer, offset));
    }
  }

  static MapRoot of(long head, long offset) {
    return new MapRoot(BlockRef.layerOf(head), BlockRef.checksumOf(head), offset);
  }

  long head() {
    return BlockRef.head(layer, checksum);
  }

  boolean isAbsent() {
    return layer == BlockRef.ABSENT;
  }
}
