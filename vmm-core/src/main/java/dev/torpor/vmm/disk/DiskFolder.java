package dev.torpor.vmm.disk;

import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.SnapshotFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Where a disk keeps what outlives its process: {@code NAME.state}, {@code NAME.LAYER.index} for
 * each layer that is no image yet, and {@code NAME.lock}, held by the process that has the disk.
 */
final class DiskFolder implements AutoCloseable {
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
    Path next = folder.resolve(name + ".state.next");
    try {
      try (FileChannel channel =
          FileChannel.open(
              next,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        ByteBuffer bytes = ByteBuffer.wrap(state.encode());
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(next, statePath(), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException("writing a disk's state to " + statePath(), e);
    }
    sync(folder);
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
