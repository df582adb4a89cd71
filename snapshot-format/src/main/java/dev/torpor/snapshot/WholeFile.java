package dev.torpor.snapshot;

import java.io.FileOutputStream;
import java.io.IOException;
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
      try (FileOutputStream out = new FileOutputStream(temporary.toFile())) {
        out.write(content);
        if (durable) {
          out.getFD().sync();
        }
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (Throwable e) {
      Files.deleteIfExists(temporary);
      throw e;
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
