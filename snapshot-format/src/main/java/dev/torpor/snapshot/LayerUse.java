package dev.torpor.snapshot;

/**
 * How much of a layer one image uses. A layer that no image uses can go.
 *
 * @param layer the layer's number, from 1
 * @param liveBlocks how many of the image's references to blocks lead into the layer
 * @param liveNodes how many of the block map's nodes lie in the layer
 */
public record LayerUse(int layer, long liveBlocks, long liveNodes) {
  /**
   * Checks the counts.
   *
   * @throws IllegalArgumentException if the layer's number is below 1, a count is negative or both
   *     are zero
   */
  public LayerUse {
    if (layer < 1 || liveBlocks < 0 || liveNodes < 0 || liveBlocks + liveNodes == 0) {
      throw new IllegalArgumentException(
          "layer %d with %d blocks and %d nodes in use".formatted(layer, liveBlocks, liveNodes));
    }
  }
}
