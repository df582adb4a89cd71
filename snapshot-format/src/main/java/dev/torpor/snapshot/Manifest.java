package dev.torpor.snapshot;

import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;

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
    MachineStateBytes machineState,
    List<ManifestLayer> layers) {
  /**
   * Copies the lists, and checks that the table of layers is complete.
   *
   * @throws IllegalArgumentException if the layers do not ascend, or are not just those in use
   */
  public Manifest {
    Objects.requireNonNull(summary);
    Objects.requireNonNull(memory);
    Objects.requireNonNull(machineState);
    disks = List.copyOf(disks);
    layers = List.copyOf(layers);
    List<Integer> table = layers.stream().map(ManifestLayer::number).toList();
    List<Integer> used = List.copyOf(used(memory, disks));
    if (!table.equals(used)) {
      throw new IllegalArgumentException(
          "images use the layers " + used + " but the table has " + table);
    }
  }

  /**
   * Makes a manifest, with the table of layers as the layers themselves tell it.
   *
   * @param store where the images' layers are, all of them finished
   * @param summary what a list says of it
   * @param memory the image of guest memory
   * @param disks the disks
   * @param machineState the machine
   * @return the manifest
   * @throws SnapshotFormatException if a layer is missing, unfinished or damaged
   */
  public static Manifest of(
      Layers store,
      Summary summary,
      ImageRoot memory,
      List<DiskImage> disks,
      MachineStateBytes machineState) {
    List<ManifestLayer> table =
        used(memory, disks).stream()
            .map(store::layer)
            .map(layer -> new ManifestLayer(layer.number(), layer.uuid(), layer.byteCount()))
            .toList();
    return new Manifest(summary, memory, disks, machineState, table);
  }

  /**
   * The checkpoint's name for ever.
   *
   * @return the summary's UUID
   */
  public UUID uuid() {
    return summary.uuid();
  }

  List<Integer> layerNumbers() {
    return layers.stream().map(ManifestLayer::number).toList();
  }

  private static TreeSet<Integer> used(ImageRoot memory, List<DiskImage> disks) {
    TreeSet<Integer> used = new TreeSet<>();
    Stream.concat(Stream.of(memory), disks.stream().map(DiskImage::image))
        .flatMap(image -> image.layers().stream())
        .forEach(use -> used.add(use.layer()));
    return used;
  }
}
