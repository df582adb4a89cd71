package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import net.openhft.chronicle.bytes.BytesStore;

/**
 * Reads a record that {@link FieldWriter} wrote, perhaps a newer one, perhaps a hostile one. Fields
 * are asked for by tag; unknown ones are never looked at. All that does not fit the format, or is
 * longer than its caller allows, is refused by a {@link SnapshotFormatException} that names the
 * file and the field's offset in it, before anything of its size is allocated.
 *
 * <p>Immutable, so for any thread.
 */
public final class FieldReader {
  private final Path file;
  private final long fileOffset;
  private final byte[] content;
  // The content's numbers, read by offset alone, so by several threads at once.
  private final BytesStore<?, byte[]> in;
  private final int start;
  private final int end;
  // Where each field's header begins in the content, in order.
  private final int[] fields;

  private FieldReader(Path file, long fileOffset, byte[] content, int start, int end) {
    this.file = file;
    this.fileOffset = fileOffset;
    this.content = content;
    this.in = BytesStore.wrap(content);
    this.start = start;
    this.end = end;
    this.fields = index();
  }

  /**
   * Reads a record.
   *
   * @param file the file that the record comes from, for messages
   * @param fileOffset where in the file the record begins, in bytes
   * @param record the whole record; not copied, so not to be changed
   * @return a reader of it
   * @throws SnapshotFormatException if the fields do not fill the record exactly
   */
  public static FieldReader of(Path file, long fileOffset, byte[] record) {
    return new FieldReader(file, fileOffset, record, 0, record.length);
  }

  /**
   * Whether the record has a field.
   *
   * @param tag its tag
   * @return whether there is one or several
   */
  public boolean has(int tag) {
    for (int field : fields) {
      if (tagAt(field) == tag) {
        return true;
      }
    }
    return false;
  }

  /**
   * An unsigned 32-bit number.
   *
   * @param tag its tag
   * @param max the greatest value that makes sense
   * @return 0 to max
   * @throws SnapshotFormatException if it is absent, greater, repeated or of another type
   */
  public long u32(int tag, long max) {
    int field = only(tag, FieldType.U32);
    long value = in.readUnsignedInt(valueAt(field));
    if (value > max) {
      throw malformed(field, "a u32 of at most " + max + " in field " + tag, "" + value);
    }
    return value;
  }

  /**
   * A truth value.
   *
   * @param tag its tag
   * @return the value
   * @throws SnapshotFormatException if it is absent, neither 0 nor 1, repeated or of another type
   */
  public boolean flag(int tag) {
    return u32(tag, 1) == 1;
  }

  /**
   * A signed 64-bit number.
   *
   * @param tag its tag
   * @return any value
   * @throws SnapshotFormatException if it is absent, repeated or of another type
   */
  public long i64(int tag) {
    return in.readLong(valueAt(only(tag, FieldType.I64)));
  }

  /**
   * A signed 64-bit number within a range.
   *
   * @param tag its tag
   * @param min the least value that makes sense
   * @param max the greatest value that makes sense
   * @return min to max
   * @throws SnapshotFormatException if it is absent, outside, repeated or of another type
   */
  public long i64(int tag, long min, long max) {
    int field = only(tag, FieldType.I64);
    long value = in.readLong(valueAt(field));
    if (value < min || value > max) {
      throw malformed(field, "an i64 of " + min + " to " + max + " in field " + tag, "" + value);
    }
    return value;
  }

  /**
   * Bytes.
   *
   * @param tag their tag
   * @param maxBytes how many there may be
   * @return a copy
   * @throws SnapshotFormatException if they are absent, more, repeated or of another type
   */
  public byte[] bytes(int tag, int maxBytes) {
    int field = only(tag, FieldType.BYTES);
    int at = valueAt(field);
    return Arrays.copyOfRange(content, at, at + capped(field, maxBytes));
  }

  /**
   * Bytes of a known number.
   *
   * @param tag their tag
   * @param byteCount how many there must be
   * @return a copy
   * @throws SnapshotFormatException if they are absent, more, fewer, repeated or of another type
   */
  public byte[] exactly(int tag, int byteCount) {
    int field = only(tag, FieldType.BYTES);
    if (lengthAt(field) != byteCount) {
      throw malformed(
          field, byteCount + " bytes in field " + tag, Integer.toString(lengthAt(field)));
    }
    return bytes(tag, byteCount);
  }

  /**
   * Text.
   *
   * @param tag its tag
   * @param maxBytes how many bytes its UTF-8 may have
   * @return the text
   * @throws SnapshotFormatException if it is absent, longer, not UTF-8, repeated or of another type
   */
  public String string(int tag, int maxBytes) {
    int field = only(tag, FieldType.STRING);
    ByteBuffer utf8 = ByteBuffer.wrap(content, valueAt(field), capped(field, maxBytes));
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(utf8).toString();
    } catch (CharacterCodingException e) {
      throw malformed(field, "UTF-8 in field " + tag, "other bytes");
    }
  }

  /**
   * A UUID.
   *
   * @param tag its tag
   * @return the UUID
   * @throws SnapshotFormatException if it is absent, repeated or of another type
   */
  public UUID uuid(int tag) {
    int at = valueAt(only(tag, FieldType.UUID));
    return new UUID(
        Long.reverseBytes(in.readLong(at)), Long.reverseBytes(in.readLong(at + Long.BYTES)));
  }

  /**
   * A UUID that may be absent.
   *
   * @param tag its tag
   * @return the UUID, if there is one
   * @throws SnapshotFormatException if it is repeated or of another type
   */
  public Optional<UUID> optionalUuid(int tag) {
    return has(tag) ? Optional.of(uuid(tag)) : Optional.empty();
  }

  /**
   * A nested record.
   *
   * @param tag its tag
   * @return a reader of it
   * @throws SnapshotFormatException if it is absent, malformed, repeated or of another type
   */
  public FieldReader record(int tag) {
    return nested(only(tag, FieldType.RECORD));
  }

  /**
   * A repeated nested record.
   *
   * @param tag its tag
   * @param maxCount how many there may be
   * @return a reader of each, in order; none if the tag is absent
   * @throws SnapshotFormatException if there are more, or one is malformed or of another type
   */
  public List<FieldReader> records(int tag, int maxCount) {
    List<FieldReader> records = new ArrayList<>();
    for (int field : fields) {
      if (tagAt(field) == tag) {
        demand(field, FieldType.RECORD);
        if (records.size() == maxCount) {
          throw malformed(field, "at most " + maxCount + " fields " + tag, "one more");
        }
        records.add(nested(field));
      }
    }
    return List.copyOf(records);
  }

  /**
   * An error about a value that is well-formed but makes no sense to its reader.
   *
   * @param tag the field's tag
   * @param expected what its value had to be
   * @param found what it is
   * @return the error, to be thrown; it names the field's place, or the record's if it is absent
   */
  public SnapshotFormatException nonsense(int tag, String expected, String found) {
    for (int field : fields) {
      if (tagAt(field) == tag) {
        return malformed(field, expected, found);
      }
    }
    return malformed(start, expected, found);
  }

  /** Where the value of a field begins, in bytes from the file's start. */
  long fileOffsetOf(int tag) {
    for (int field : fields) {
      if (tagAt(field) == tag) {
        return fileOffset + valueAt(field);
      }
    }
    return fileOffset + start;
  }

  // The index is at most half as large as the record, which is in memory already.
  private int[] index() {
    int[] found = new int[(end - start) / FieldType.HEADER_BYTES];
    int count = 0;
    int at = start;
    while (at < end) {
      if (end - at < FieldType.HEADER_BYTES) {
        throw malformed(at, "a field's tag, type and length", (end - at) + " bytes");
      }
      long length = in.readUnsignedInt(at + 4);
      if (length > end - at - FieldType.HEADER_BYTES) {
        throw malformed(at, "a field that ends with its record", "one of " + length + " bytes");
      }
      found[count++] = at;
      at += FieldType.HEADER_BYTES + (int) length;
    }
    return Arrays.copyOf(found, count);
  }

  private int only(int tag, FieldType type) {
    int found = -1;
    for (int field : fields) {
      if (tagAt(field) == tag) {
        if (found >= 0) {
          throw malformed(field, "field " + tag + " once", "it again");
        }
        found = field;
      }
    }
    if (found < 0) {
      throw malformed(start, "a record with field " + tag, "none");
    }
    demand(found, type);
    return found;
  }

  private void demand(int field, FieldType type) {
    int code = in.readUnsignedShort(field + 2);
    if (code != type.code()) {
      throw malformed(field, type.phrase() + " in field " + tagAt(field), FieldType.phraseOf(code));
    }
    if (!type.admits(lengthAt(field))) {
      throw malformed(
          field, type.phrase() + " in field " + tagAt(field), lengthAt(field) + " bytes");
    }
  }

  private FieldReader nested(int field) {
    int at = valueAt(field);
    return new FieldReader(file, fileOffset, content, at, at + lengthAt(field));
  }

  private int capped(int field, int maxBytes) {
    int length = lengthAt(field);
    if (length > maxBytes) {
      throw malformed(
          field, "at most " + maxBytes + " bytes in field " + tagAt(field), "" + length);
    }
    return length;
  }

  private int tagAt(int field) {
    return in.readUnsignedShort(field);
  }

  private int lengthAt(int field) {
    return in.readInt(field + 4);
  }

  private static int valueAt(int field) {
    return field + FieldType.HEADER_BYTES;
  }

  private SnapshotFormatException malformed(int at, String expected, String found) {
    return new SnapshotFormatException(file, fileOffset + at, expected, found);
  }
}
