package dev.torpor.snapshot;

import java.nio.file.Path;
import java.util.Objects;

/**
 * A disk as a checkpoint records it: a base file that must not have changed, and what the guest
 * wrote over it.
 *
 * @param id names the disk within its machine; at most {@link Summary#MAX_NAME_BYTES} bytes
 * @param basePath the file beneath, as it was given
 * @param baseByteSize its size in bytes
 * @param baseModifiedNanos when it was last written, in nanoseconds since 1970
 * @param readOnly whether the guest may not write
 * @param image the blocks written over the base; its absent blocks are the base's
 */
public record DiskImage(
    String id,
    Path basePath,
    long baseByteSize,
    long baseModifiedNanos,
    boolean readOnly,
    ImageRoot image) {
  /** Checks the id and the size. */
  public DiskImage {
    Objects.requireNonNull(basePath);
    Objects.requireNonNull(image);
    if (!Summary.isName(id) || baseByteSize < 0) {
      throw new IllegalArgumentException("disk id=\"" + id + "\", baseByteSize=" + baseByteSize);
    }
  }
}
