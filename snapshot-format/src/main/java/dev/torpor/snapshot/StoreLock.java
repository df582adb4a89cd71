package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Keeps everyone else from removing anything from a store: other processes by a lock on a file,
 * other threads by a lock in this process, as the kernel's knows only processes, and closing one
 * descriptor of the file would drop it for all.
 */
final class StoreLock {
  private static final Map<Object, ReentrantLock> IN_PROCESS = new ConcurrentHashMap<>();

  private final Path file;

  /** The file stays for ever. */
  StoreLock(Path file) {
    this.file = file;
  }

  /** Waits until nobody else holds the lock, then runs the action with it. */
  <T> T holding(Store.Action<T> action) throws IOException {
    ReentrantLock inProcess = IN_PROCESS.computeIfAbsent(key(file), key -> new ReentrantLock());
    inProcess.lock();
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.lock(); // until the channel is closed
      return action.run();
    } finally {
      inProcess.unlock();
    }
  }

  private static Object key(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
  }
}
