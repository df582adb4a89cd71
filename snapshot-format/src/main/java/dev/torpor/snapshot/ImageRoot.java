package dev.torpor.snapshot;

import java.util.List;

/**
 * All that a manifest keeps of an image; {@link Image#open} makes the image of it.
 *
 * @param blockCount how many blocks the image has, from 1 to {@link Image#MAX_BLOCK_COUNT}
 * @param map the root of its block map
 * @param flatMap the root of the map of the full image that the layer {@code flatMap.layer()}, a
 *     flat one, was written with, if this image descends from it; else {@link MapRoot#ABSENT}
 * @param layers what the image uses, ascending by layer, complete
 */
public record ImageRoot(long blockCount, MapRoot map, MapRoot flatMap, List<LayerUse> layers) {
  /**
   * Checks and copies.
   *
   * @throws IllegalArgumentException if the block count is out of range, the layers do not ascend,
   *     or a map's layer is not among them
   */
  public ImageRoot {
    layers = List.copyOf(layers);
    if (blockCount < 1 || blockCount > Image.MAX_BLOCK_COUNT) {
      throw new IllegalArgumentException("image of %d blocks".formatted(blockCount));
    }
    for (int i = 1; i < layers.size(); i++) {
      if (layers.get(i - 1).layer() >= layers.get(i).layer()) {
        throw new IllegalArgumentException("layers do not ascend: " + layers);
      }
    }
    requireUsed(map, layers);
    requireUsed(flatMap, layers);
  }

  private static void requireUsed(MapRoot root, List<LayerUse> layers) {
    if (!root.isAbsent() && layers.stream().noneMatch(use -> use.layer() == root.layer())) {
      throw new IllegalArgumentException(
          "layer %d of a map's root is not in use".formatted(root.layer()));
    }
  }
}
