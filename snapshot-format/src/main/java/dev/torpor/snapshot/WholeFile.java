package dev.torpor.snapshot;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that exist whole and durable, or not at all. An interrupt of the thread changes nothing: it
 * could otherwise leave a file in place whose writer believes that it failed.
 */
final class WholeFile {
  private WholeFile() {}

  /**
   * Gets room on the disk for a file whose last version follows soon, while something else is
   * waited for: {@link #write} under the same temporary name then has only its bytes to wait for,
   * as nothing of the file system changes.
   */
  static void reserve(Path temporary, byte[] content) throws IOException {
    try {
      writeDurably(temporary, content);
    } catch (Throwable e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  /** Makes a file durable under another name, then gives it its own in one step. */
  static void write(Path temporary, Path target, byte[] content) throws IOException {
    place(temporary, target, content, true);
    try {
      syncDirectory(target.getParent());
    } catch (Throwable e) {
      Files.deleteIfExists(target);
      throw e;
    }
  }

  /** The same without waiting for the disk: a crash may leave anything. */
  static void replace(Path temporary, Path target, byte[] content) throws IOException {
    place(temporary, target, content, false);
  }

  private static void place(Path temporary, Path target, byte[] content, boolean durable)
      throws IOException {
    try {
      if (durable) {
        writeDurably(temporary, content);
      } else {
        try (FileOutputStream file = new FileOutputStream(temporary.toFile())) {
          file.write(content);
        }
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (Throwable e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
  }

  /** Where there is a file as long as that, its bytes are replaced, and nothing else changes. */
  private static void writeDurably(Path path, byte[] content) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rwd")) {
      if (file.length() > content.length) {
        file.setLength(0);
      }
      file.write(content);
    }
  }

  /** Makes what a folder lists durable. */
  static void syncDirectory(Path directory) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      while (!trySync(directory)) {
        interrupted |= Thread.interrupted();
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private static boolean trySync(Path directory) throws IOException {
    try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
      channel.force(true);
      return true;
    } catch (ClosedByInterruptException e) {
      return false;
    }
  }
}
