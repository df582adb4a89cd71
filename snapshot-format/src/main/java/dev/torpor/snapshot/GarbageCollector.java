package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.IntStream;

/** Removes what nobody needs. {@link Leases} says why the order of its steps matters. */
final class GarbageCollector {
  private final Layers layers;
  private final Leases leases;
  private final Manifests manifests;
  private final Pins pins;
  private final VerifiedLayers verified;
  private final Path workingSets;

  GarbageCollector(
      Layers layers,
      Leases leases,
      Manifests manifests,
      Pins pins,
      VerifiedLayers verified,
      Path workingSets) {
    this.layers = layers;
    this.leases = leases;
    this.manifests = manifests;
    this.pins = pins;
    this.verified = verified;
    this.workingSets = workingSets;
  }

  /** To be called with the store's lock held. */
  Garbage collect() throws IOException {
    int[] files = layers.numbers();
    Set<Integer> needed = new HashSet<>(leases.collect());
    List<SnapshotFormatException> damaged = new ArrayList<>();
    needed.addAll(pins.layers(damaged));
    needed.addAll(manifests.layers(damaged));
    removeWorkingSets();
    if (!damaged.isEmpty()) {
      return new Garbage(0, 0, damaged);
    }
    List<Integer> garbage =
        IntStream.of(files).filter(number -> !needed.contains(number)).boxed().toList();
    return new Garbage(garbage.size(), remove(garbage), damaged);
  }

  private long remove(List<Integer> garbage) throws IOException {
    long bytes = 0;
    for (int number : garbage) {
      bytes += Files.size(layers.path(number));
    }
    layers.delete(garbage);
    for (int number : garbage) {
      verified.delete(number);
    }
    return bytes;
  }

  private void removeWorkingSets() throws IOException {
    for (UUID uuid : UuidNames.list(workingSets, Store.WORKING_SET_SUFFIX)) {
      if (!manifests.exists(uuid)) {
        Files.deleteIfExists(workingSets.resolve(uuid + Store.WORKING_SET_SUFFIX));
      }
    }
  }
}
