package dev.torpor.snapshot;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/**
 * The manifests that were used last, each with all its layers found present: a checkpoint of which
 * one VM after another is made is read once. For any thread.
 */
final class RecentManifests {
  private static final int MAX_COUNT = 16;

  private record Known(FileIdentity file, Manifest manifest) {}

  private final Map<UUID, Known> known =
      new LinkedHashMap<>(MAX_COUNT, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<UUID, Known> eldest) {
          return size() > MAX_COUNT;
        }
      };

  /** A manifest whose file is the one that was read; null if it is not known. */
  synchronized Manifest find(UUID uuid, FileIdentity file) {
    Known one = known.get(uuid);
    return one != null && one.file.equals(file) ? one.manifest : null;
  }

  /** A manifest was read, and its layers are there. */
  synchronized void add(Manifest manifest, FileIdentity file) {
    known.put(manifest.uuid(), new Known(file, manifest));
  }

  /** A manifest is no more. */
  synchronized void remove(UUID uuid) {
    known.remove(uuid);
  }
}
