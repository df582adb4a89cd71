package dev.torpor.snapshot;

import java.util.Objects;
import java.util.UUID;

/**
 * A row of a manifest's table of layers: one that its images use.
 *
 * @param number the layer's number within the store, from 1
 * @param uuid what the layer's own header says, so that a stranger in its place is noticed
 * @param byteCount how many bytes of the file belong to the layer
 */
public record ManifestLayer(int number, UUID uuid, long byteCount) {
  /** Checks the numbers. */
  public ManifestLayer {
    Objects.requireNonNull(uuid);
    if (number < 1 || byteCount < 0) {
      throw new IllegalArgumentException("layer " + number + " of " + byteCount + " bytes");
    }
  }
}
