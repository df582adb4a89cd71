package dev.torpor.snapshot;

import java.nio.file.Path;

/**
 * A file of a store is not what it must be: altered, truncated, missing or of another kind. The
 * message names the file and the byte offset, so that the damage can be looked at.
 */
public final class SnapshotFormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final transient Path file;
  private final long offset;

  /**
   * Describes one contradiction.
   *
   * @param file the file that is wrong
   * @param offset where in the file, in bytes from its start
   * @param expected what must be there, for people
   * @param found what is there instead, for people
   */
  public SnapshotFormatException(Path file, long offset, String expected, String found) {
    super("%s at byte %d: expected %s, found %s".formatted(file, offset, expected, found));
    this.file = file;
    this.offset = offset;
  }

  /**
   * The file that is wrong.
   *
   * @return its path; null only after this exception was serialised
   */
  public Path file() {
    return file;
  }

  /**
   * Where the file is wrong.
   *
   * @return bytes from the file's start
   */
  public long offset() {
    return offset;
  }
}
