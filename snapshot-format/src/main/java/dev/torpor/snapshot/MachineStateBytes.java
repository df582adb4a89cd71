package dev.torpor.snapshot;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Function;

/**
 * The machine state within a manifest: a record whose fields, and whose version, only the machine
 * knows. Immutable.
 */
public final class MachineStateBytes {
  /** The longest machine state, in bytes. */
  public static final int MAX_BYTES = 64 << 20;

  private final Path file;
  private final long fileOffset;
  private final byte[] content;

  /** What it was decoded to last; null for nothing. */
  private volatile Object decoded;

  private MachineStateBytes(Path file, long fileOffset, byte[] content) {
    if (content.length > MAX_BYTES) {
      throw new IllegalArgumentException(
          "machine state of " + content.length + " bytes; at most " + MAX_BYTES + " can be stored");
    }
    this.file = file;
    this.fileOffset = fileOffset;
    this.content = content;
  }

  /**
   * What a machine wrote.
   *
   * @param fields its record
   * @return the record's bytes
   */
  public static MachineStateBytes of(FieldWriter fields) {
    return new MachineStateBytes(Path.of("unwritten manifest"), 0, fields.toByteArray());
  }

  /** What a file holds: errors of its fields name the file. */
  static MachineStateBytes read(Path file, long fileOffset, byte[] content) {
    return new MachineStateBytes(file, fileOffset, content);
  }

  /**
   * Reads the fields.
   *
   * @return a reader, whose errors name the manifest's file and the offset in it
   * @throws SnapshotFormatException if this is no record
   */
  public FieldReader fields() {
    return FieldReader.of(file, fileOffset, content);
  }

  /**
   * What the fields mean, decoded once: a manifest may be used again and again.
   *
   * @param type the class of what they mean, which is immutable
   * @param decoder makes it of the fields
   * @param <T> the same class
   * @return what the decoder returned, now or before
   * @throws SnapshotFormatException if this is no record, or the decoder throws it
   */
  public <T> T decoded(Class<T> type, Function<FieldReader, T> decoder) {
    Object known = decoded;
    if (!type.isInstance(known)) {
      known = decoder.apply(fields());
      decoded = known;
    }
    return type.cast(known);
  }

  /**
   * How long it is.
   *
   * @return the number of bytes
   */
  public int byteSize() {
    return content.length;
  }

  byte[] content() {
    return content;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MachineStateBytes that && Arrays.equals(content, that.content);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(content);
  }

  @Override
  public String toString() {
    return "machine state of " + content.length + " bytes";
  }
}
