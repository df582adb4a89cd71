package dev.torpor.snapshot;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Predicate;

/** The folder of manifests. Each file's name is its checkpoint's UUID. */
final class Manifests {
  private static final String SUFFIX = ".manifest";
  private static final Comparator<Summary> OLDEST_FIRST =
      Comparator.comparing(Summary::created).thenComparing(Summary::uuid);

  private final Path directory;

  Manifests(Path directory) {
    this.directory = directory;
  }

  Path directory() {
    return directory;
  }

  Path path(UUID uuid) {
    return directory.resolve(uuid + SUFFIX);
  }

  boolean exists(UUID uuid) {
    return Files.exists(path(uuid));
  }

  /** Reads the heads of all manifests. One that is removed meanwhile is in no list. */
  Listing list(Predicate<Summary> filter) throws IOException {
    List<Summary> checkpoints = new ArrayList<>();
    List<SnapshotFormatException> damaged = new ArrayList<>();
    for (UUID uuid : uuids()) {
      try {
        summary(uuid).filter(filter).ifPresent(checkpoints::add);
      } catch (SnapshotFormatException e) {
        damaged.add(e);
      }
    }
    checkpoints.sort(OLDEST_FIRST);
    return new Listing(checkpoints, damaged);
  }

  /** Reads one head; empty if there is no such manifest. */
  Optional<Summary> summary(UUID uuid) throws IOException {
    try {
      Summary summary = ManifestCodec.readSummary(path(uuid));
      requireName(uuid, summary);
      return Optional.of(summary);
    } catch (FileNotFoundException e) {
      if (exists(uuid)) {
        throw e;
      }
      return Optional.empty();
    }
  }

  /** Reads a whole manifest; empty if there is no such one. */
  Optional<Manifest> read(UUID uuid) throws IOException {
    try {
      Manifest manifest = ManifestCodec.read(path(uuid));
      requireName(uuid, manifest.summary());
      return Optional.of(manifest);
    } catch (FileNotFoundException e) {
      if (exists(uuid)) {
        throw e;
      }
      return Optional.empty();
    }
  }

  /** Which layers the manifests need; those that are damaged say nothing, and are added to. */
  Set<Integer> layers(List<SnapshotFormatException> damaged) throws IOException {
    Set<Integer> layers = new TreeSet<>();
    for (UUID uuid : uuids()) {
      try {
        read(uuid).ifPresent(manifest -> layers.addAll(manifest.layerNumbers()));
      } catch (SnapshotFormatException e) {
        damaged.add(e);
      }
    }
    return layers;
  }

  List<UUID> uuids() throws IOException {
    return UuidNames.list(directory, SUFFIX);
  }

  private void requireName(UUID uuid, Summary summary) {
    if (!summary.uuid().equals(uuid)) {
      throw new SnapshotFormatException(
          path(uuid), Frame.HEADER_BYTES, "checkpoint " + uuid, summary.uuid().toString());
    }
  }
}
