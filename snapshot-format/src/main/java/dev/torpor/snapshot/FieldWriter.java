package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.UUID;
import java.util.function.Consumer;
import net.openhft.chronicle.bytes.Bytes;

/**
 * Writes a record: fields, each with a tag, a type, a length and a value, all little-endian. A tag
 * written several times is a repeated field, whose order is kept. Readers skip tags that they do
 * not know, so a newer writer may add fields, but must never give an old tag another meaning.
 *
 * <pre>
 *   | u16 tag | u16 type | u32 length | value, length bytes |  next field ...
 * </pre>
 *
 * <p>For one thread at a time.
 */
public final class FieldWriter {
  /** The greatest tag. */
  public static final int MAX_TAG = 0xffff;

  private static final int INITIAL_BYTES = 512;

  private final Bytes<byte[]> out = Bytes.allocateElasticOnHeap(INITIAL_BYTES);

  /** Starts an empty record. */
  public FieldWriter() {
    // One thread at a time, but not always the same one.
    out.singleThreadedCheckDisabled(true);
  }

  /**
   * Writes an unsigned 32-bit number.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value 0 to 2^32 - 1
   * @return this writer
   */
  public FieldWriter u32(int tag, long value) {
    if (value < 0 || value > 0xffff_ffffL) {
      throw new IllegalArgumentException("not a u32: " + value + " (tag=" + tag + ")");
    }
    header(tag, FieldType.U32, Integer.BYTES);
    out.writeInt((int) value);
    return this;
  }

  /**
   * Writes a truth value, as the u32 1 or 0.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value the value
   * @return this writer
   */
  public FieldWriter flag(int tag, boolean value) {
    return u32(tag, value ? 1 : 0);
  }

  /**
   * Writes a signed 64-bit number.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value any
   * @return this writer
   */
  public FieldWriter i64(int tag, long value) {
    header(tag, FieldType.I64, Long.BYTES);
    out.writeLong(value);
    return this;
  }

  /**
   * Writes bytes.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value copied
   * @return this writer
   */
  public FieldWriter bytes(int tag, byte[] value) {
    header(tag, FieldType.BYTES, value.length);
    out.write(value);
    return this;
  }

  /**
   * Writes the bytes of a segment.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value copied; shorter than 2 GiB
   * @return this writer
   */
  public FieldWriter bytes(int tag, MemorySegment value) {
    return bytes(tag, value.toArray(ValueLayout.JAVA_BYTE));
  }

  /**
   * Writes text.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value stored as UTF-8
   * @return this writer
   */
  public FieldWriter string(int tag, String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    header(tag, FieldType.STRING, utf8.length);
    out.write(utf8);
    return this;
  }

  /**
   * Writes a UUID: its 16 bytes in the order in which it is printed.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param value the UUID
   * @return this writer
   */
  public FieldWriter uuid(int tag, UUID value) {
    header(tag, FieldType.UUID, 2 * Long.BYTES);
    out.writeLong(Long.reverseBytes(value.getMostSignificantBits()));
    out.writeLong(Long.reverseBytes(value.getLeastSignificantBits()));
    return this;
  }

  /**
   * Writes a record within this one.
   *
   * @param tag 0 to {@link #MAX_TAG}
   * @param fields writes the nested record's fields to the writer that it is given, which is this
   * @return this writer
   */
  public FieldWriter record(int tag, Consumer<FieldWriter> fields) {
    header(tag, FieldType.RECORD, 0);
    long start = out.writePosition();
    fields.accept(this);
    out.writeInt(start - Integer.BYTES, Math.toIntExact(out.writePosition() - start));
    return this;
  }

  /**
   * The record as written so far.
   *
   * @return a copy
   */
  public byte[] toByteArray() {
    return out.toByteArray();
  }

  private void header(int tag, FieldType type, int length) {
    out.writeUnsignedShort(Objects.checkIndex(tag, MAX_TAG + 1));
    out.writeUnsignedShort(type.code());
    out.writeInt(length);
  }
}
