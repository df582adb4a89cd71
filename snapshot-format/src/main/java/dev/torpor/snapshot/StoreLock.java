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
final class StoreLock implements AutoCloseable {
  private static final Map<Object, ReentrantLock> IN_PROCESS = new ConcurrentHashMap<>();

  private final ReentrantLock inProcess;
  private final FileChannel channel;

  private StoreLock(ReentrantLock inProcess, FileChannel channel) {
    this.inProcess = inProcess;
    this.channel = channel;
  }

  /** Waits until nobody else holds it. The file stays for ever. */
  static StoreLock take(Path file) throws IOException {
    ReentrantLock inProcess = IN_PROCESS.computeIfAbsent(key(file), key -> new ReentrantLock());
    inProcess.lock();
    FileChannel channel = null;
    try {
      channel = FileChannel.open(file, StandardOpenOption.WRITE);
      // Closing the channel releases it.
      Object unused = channel.lock();
      return new StoreLock(inProcess, channel);
    } catch (Throwable e) {
      if (channel != null) {
        channel.close();
      }
      inProcess.unlock();
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    try {
      channel.close();
    } finally {
      inProcess.unlock();
    }
  }

  private static Object key(Path file) throws IOException {
    return Files.readAttributes(file, BasicFileAttributes.class).fileKey();
  }
}
