package dev.torpor.vmm.disk;

import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.SnapshotFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Where a disk keeps what outlives its process: {@code NAME.state}, {@code NAME.LAYER.index} for
 * each layer that is no image yet, {@code NAME.owner} with the UUID that its layers are kept under,
 * and {@code NAME.lock}, held by the process that has the disk.
 *
 * <p>The owner's file is there before anything is kept in its name, and until nothing is: whatever
 * a crash leaves, the next process finds whose layers they are.
 */
final class DiskFolder implements AutoCloseable {
  /** A UUID's text, and a line's end. */
  private static final int OWNER_BYTES = 37;

  private final Path folder;
  private final String name;
  private final LinuxFile lock;

  private DiskFolder(Path folder, String name, LinuxFile lock) {
    this.folder = folder;
    this.name = name;
    this.lock = lock;
  }

  static DiskFolder open(Path folder, String name) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("creating the folder " + folder, e);
    }
    Path path = folder.resolve(name + ".lock");
    LinuxFile lock = LinuxFile.open(path, LinuxFile.O_RDWR | LinuxFile.O_CREAT);
    if (!lock.tryLock(true)) {
      lock.close();
      throw new IllegalStateException(
          "disk %s in %s is in use by another VM: stop that one first".formatted(name, folder));
    }
    return new DiskFolder(folder, name, lock);
  }

  Path statePath() {
    return statePath(folder, name);
  }

  static Path statePath(Path folder, String name) {
    return folder.resolve(name + ".state");
  }

  Path indexPath(int layer) {
    return folder.resolve("%s.%08d.index".formatted(name, layer));
  }

  /** Whether there is a disk, or something that one was about to keep or let go. */
  static boolean isUsed(Path folder, String name) {
    return Files.exists(statePath(folder, name)) || Files.exists(ownerPath(folder, name));
  }

  boolean hasState() {
    return Files.exists(statePath());
  }

  DiskState readState() {
    return readState(statePath());
  }

  static DiskState readState(Path path) {
    try {
      return DiskState.decode(path, Files.readAllBytes(path));
    } catch (NoSuchFileException e) {
      throw new SnapshotFormatException(path, 0, "a disk's state", "no file");
    } catch (IOException e) {
      throw new UncheckedIOException("reading a disk's state from " + path, e);
    }
  }

  /** Replaces the state; whatever happens, the old or the new one is there, whole. */
  void writeState(DiskState state) {
    write(statePath(), state.encode());
  }

  private void write(Path file, byte[] content) {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    try {
      try (FileChannel channel =
          FileChannel.open(
              next,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException("writing " + file, e);
    }
    sync(folder);
  }

  private Path ownerPath() {
    return ownerPath(folder, name);
  }

  private static Path ownerPath(Path folder, String name) {
    return folder.resolve(name + ".owner");
  }

  /** The UUID that the disk's layers are kept under; a new one if it has none yet. */
  UUID owner() {
    Path file = ownerPath();
    try {
      if (!Files.exists(file)) {
        UUID fresh = UUID.randomUUID();
        write(file, (fresh + "\n").getBytes(StandardCharsets.US_ASCII));
        return fresh;
      }
      if (Files.size(file) != OWNER_BYTES) {
        throw new SnapshotFormatException(
            file, 0, "a UUID in " + OWNER_BYTES + " bytes", Files.size(file) + " bytes");
      }
      return UUID.fromString(Files.readString(file, StandardCharsets.ISO_8859_1).strip());
    } catch (IllegalArgumentException e) {
      throw new SnapshotFormatException(file, 0, "a UUID", "something else");
    } catch (IOException e) {
      throw new UncheckedIOException("reading whose layers a disk's are from " + file, e);
    }
  }

  /**
   * Deletes all but the lock's file, which somebody may be waiting for.
   *
   * @param letGo ends the keeping of the disk's layers
   */
  void delete(Consumer<UUID> letGo) {
    Optional<UUID> owner = Files.exists(ownerPath()) ? Optional.of(owner()) : Optional.empty();
    delete(statePath());
    sync(folder);
    owner.ifPresent(letGo);
    deleteIndexes(List.of());
    delete(folder.resolve(name + ".state.next"));
    delete(folder.resolve(name + ".owner.next"));
    delete(ownerPath());
    sync(folder);
  }

  /** Deletes the indexes of layers that the state does not name: a crash may leave some. */
  void deleteIndexes(Collection<Integer> except) {
    Set<String> kept =
        except.stream()
            .map(layer -> indexPath(layer).getFileName().toString())
            .collect(Collectors.toSet());
    Pattern pattern = Pattern.compile(Pattern.quote(name) + "\\.\\d{8,10}\\.index(\\.next)?");
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        String found = file.getFileName().toString();
        if (pattern.matcher(found).matches() && !kept.contains(found)) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("deleting indexes of no use in " + folder, e);
    }
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException("deleting " + file, e);
    }
  }

  /** Makes a folder's entries durable. */
  static void sync(Path folder) {
    try (LinuxFile directory = LinuxFile.open(folder, LinuxFile.O_RDONLY)) {
      directory.sync();
    }
  }

  @Override
  public void close() {
    lock.close();
  }
}
