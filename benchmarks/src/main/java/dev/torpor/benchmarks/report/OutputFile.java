package dev.torpor.benchmarks.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** A file that people get whole or not at all: what was there before stays until then. */
public final class OutputFile {
  private OutputFile() {}

  /**
   * Finds out early whether a file can be written.
   *
   * @param file that may exist, in a folder that does
   * @throws IOException if not; the message says why
   */
  public static void requireWritable(Path file) throws IOException {
    if (Files.isDirectory(file)) {
      throw new IOException("cannot write " + file + ": it is a folder");
    }
    Files.delete(temporary(file));
  }

  /**
   * Writes a file, and replaces it if it exists.
   *
   * @param file in a folder that exists
   * @param text what to write, as UTF-8
   * @throws IOException if it cannot; the message names the file
   */
  public static void write(Path file, String text) throws IOException {
    Path temporary = temporary(file);
    try {
      Files.writeString(temporary, text);
      Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
    } catch (IOException e) {
      throw new IOException("cannot write " + file + ": " + e.getMessage(), e);
    } finally {
      Files.deleteIfExists(temporary);
    }
  }

  private static Path temporary(Path file) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder == null || !Files.isDirectory(folder)) {
      throw new IOException("cannot write " + file + ": there is no folder " + folder);
    }
    try {
      // As others' new files are, and not readable for the owner alone.
      Path temporary =
          folder.resolve("." + file.getFileName() + "." + ProcessHandle.current().pid());
      Files.deleteIfExists(temporary);
      return Files.createFile(temporary);
    } catch (IOException e) {
      throw new IOException("cannot write to the folder " + folder + ": " + e.getMessage(), e);
    }
  }
}
