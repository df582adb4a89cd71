package dev.torpor.snapshot;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * The leases of all processes that use a store, as garbage collection reads them.
 *
 * <p>Why no layer in use is ever removed. Collection holds the store's lock, so there is one at a
 * time, and it works in this order: it lists the layers' files (F), reads the leases (L), then the
 * pins (P), then the manifests (M), and deletes those of F that are in none of them.
 *
 * <ul>
 *   <li><b>A layer being written.</b> Its number is in its writer's lease before its file exists.
 *       If F has the file, then L came later than the entry: either the lease lives and L has the
 *       number, or the writer died before L; then the manifest was published before, and M has it,
 *       or never will be.
 *   <li><b>A checkpoint being opened while another process removes it.</b> The user appends the
 *       layers to its lease (A), then looks whether the manifest is still there (C). Removal
 *       deletes the manifest (D) before it collects, so before L. If A is before L, the layers are
 *       kept. If not, D is before L is before A is before C: the user finds no manifest, and says
 *       so.
 *   <li><b>A checkpoint being published.</b> Its layers are in the publisher's lease until the
 *       manifest has its name; if the lease ends before L, M sees the manifest.
 *   <li><b>A disk's layer.</b> It is pinned before its process lets it go, and unpinned once a
 *       manifest has it: if P misses it, either L was before its lease ended, or M sees it.
 * </ul>
 */
final class Leases {
  private final Path directory;

  Leases(Path directory) {
    this.directory = directory;
  }

  /** Which layers living processes use. Deletes what dead ones left behind. */
  Set<Integer> collect() throws IOException {
    // Listed first: a temporary file's lease is there before it.
    List<Path> temporaries = list(Lease.TEMPORARY_SUFFIX);
    Set<UUID> alive = new HashSet<>();
    Set<Integer> inUse = new HashSet<>();
    for (Path path : list(Lease.SUFFIX)) {
      Optional<UUID> uuid = UuidNames.leading(path);
      if (uuid.isPresent()) {
        Optional<Set<Integer>> used = layersOf(uuid.get(), path);
        used.ifPresent(inUse::addAll);
        used.ifPresent(layers -> alive.add(uuid.get()));
      }
    }
    for (Path temporary : temporaries) {
      Optional<UUID> uuid = UuidNames.leading(temporary);
      if (uuid.isPresent() && !alive.contains(uuid.get())) {
        Files.deleteIfExists(temporary);
      }
    }
    return inUse;
  }

  /** Empty if the process is dead. */
  private static Optional<Set<Integer>> layersOf(UUID uuid, Path path) throws IOException {
    Lease own = Lease.own(uuid);
    return own != null ? Optional.of(own.inUse()) : layersOfOther(path);
  }

  private static Optional<Set<Integer>> layersOfOther(Path path) throws IOException {
    if (!Files.exists(path)) {
      return Optional.empty();
    }
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      FileLock lock = tryLock(file);
      if (lock == null) {
        return Optional.of(decode(file));
      }
      Files.deleteIfExists(path);
      return Optional.empty();
    }
  }

  private static FileLock tryLock(RandomAccessFile file) throws IOException {
    try {
      return file.getChannel().tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // of another copy of this class in the same process
    }
  }

  private static Set<Integer> decode(RandomAccessFile file) throws IOException {
    byte[] bytes = new byte[Math.toIntExact(file.length() / Integer.BYTES * Integer.BYTES)];
    file.readFully(bytes);
    ByteBuffer entries = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    Set<Integer> layers = new HashSet<>();
    while (entries.hasRemaining()) {
      int entry = entries.getInt();
      if (entry > 0) {
        layers.add(entry);
      } else {
        layers.remove(-entry);
      }
    }
    return layers;
  }

  private List<Path> list(String suffix) throws IOException {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*" + suffix)) {
      files.forEach(found::add);
    }
    return found;
  }
}
