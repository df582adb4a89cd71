package dev.torpor.snapshot;

import java.util.List;
import java.util.Objects;
import java.util.UUID;

/**
 * A checkpoint, whole: which images its memory and disks are, and the machine's state. Immutable.
 *
 * @param summary what a list says of it
 * @param memory the image of guest memory; block i is the 4 KiB at backing offset i * 4096
 * @param disks the disks, in the order of the machine's
 * @param machineState vCPUs, interrupt controllers, clock and devices
 * @param layers every layer that an image uses, ascending by number
 */
public record Manifest(
    Summary summary,
    ImageRoot memory,
    List<DiskImage> disks,
    StateBytes machineState,
    List<ManifestLayer> layers) {
  /** Copies the lists, and checks that the layers ascend. */
  public Manifest {
    Objects.requireNonNull(summary);
    Objects.requireNonNull(memory);
    Objects.requireNonNull(machineState);
    disks = List.copyOf(disks);
    layers = List.copyOf(layers);
    for (int i = 1; i < layers.size(); i++) {
      if (layers.get(i - 1).number() >= layers.get(i).number()) {
        throw new IllegalArgumentException("layers do not ascend: " + layers);
      }
    }
  }

  /**
   * The checkpoint's name for ever.
   *
   * @return the summary's UUID
   */
  public UUID uuid() {
    return summary.uuid();
  }
}
