package dev.torpor.snapshot;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * The outside of a manifest, of a working set and of a stamp: a header, a short head that can be
 * read alone, and a body. Every byte is under a checksum that is looked at before the byte is.
 *
 * <pre>
 *   0   8     12           16           20         24         28           32
 *   | magic | u32 version | u32 headLen | u32 bodyLen | u32 headCrc | u32 bodyCrc | u32 crc of 0..27 |
 *   | head, headLen bytes | body, bodyLen bytes | end of file
 * </pre>
 *
 * @param magic what the file begins with, 8 ASCII characters
 * @param version the only version that is read and written
 * @param maxHead the longest head that is read, in bytes
 * @param maxBody the longest body that is read, in bytes
 */
record Frame(String magic, int version, int maxHead, int maxBody) {
  static final int HEADER_BYTES = 32;

  private static final int VERSION_AT = 8;
  private static final int HEAD_LENGTH_AT = 12;
  private static final int BODY_LENGTH_AT = 16;
  private static final int HEAD_CHECKSUM_AT = 20;
  private static final int CHECKSUM_AT = 28;

  /** The two parts of a file, verified. */
  static final class Parts {
    private final byte[] head;
    private final byte[] body;

    private Parts(byte[] head, byte[] body) {
      this.head = head;
      this.body = body;
    }

    byte[] head() {
      return head;
    }

    byte[] body() {
      return body;
    }

    int bodyOffset() {
      return HEADER_BYTES + head.length;
    }
  }

  byte[] encode(byte[] head, byte[] body) {
    if (head.length > maxHead || body.length > maxBody) {
      throw new IllegalArgumentException(
          "%s of %d and %d bytes; at most %d and %d can be read again"
              .formatted(magic, head.length, body.length, maxHead, maxBody));
    }
    ByteBuffer bytes =
        ByteBuffer.allocate(HEADER_BYTES + head.length + body.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(magic.getBytes(StandardCharsets.US_ASCII));
    bytes.putInt(version).putInt(head.length).putInt(body.length);
    bytes.putInt(checksum(head, head.length)).putInt(checksum(body, body.length));
    bytes.putInt(checksum(bytes.array(), CHECKSUM_AT));
    return bytes.put(head).put(body).array();
  }

  /** Reads and verifies the head alone; of the body, only that the file is long enough. */
  byte[] readHead(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      return part(path, file, header(path, file), HEAD_LENGTH_AT, HEADER_BYTES);
    }
  }

  /** Reads and verifies the whole file. */
  Parts read(Path path) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
      ByteBuffer header = header(path, file);
      byte[] head = part(path, file, header, HEAD_LENGTH_AT, HEADER_BYTES);
      return new Parts(head, part(path, file, header, BODY_LENGTH_AT, HEADER_BYTES + head.length));
    }
  }

  private ByteBuffer header(Path path, RandomAccessFile file) throws IOException {
    long size = file.length();
    if (size < HEADER_BYTES) {
      throw new SnapshotFormatException(
          path, size, "a header of " + HEADER_BYTES + " bytes", "the file's end");
    }
    byte[] bytes = new byte[HEADER_BYTES];
    file.readFully(bytes);
    ByteBuffer header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    String found = new String(bytes, 0, VERSION_AT, StandardCharsets.ISO_8859_1);
    if (!found.equals(magic)) {
      throw new SnapshotFormatException(path, 0, "the magic " + magic, "another");
    }
    // Before the checksum, as a later version may have another header.
    if (header.getInt(VERSION_AT) != version) {
      throw new SnapshotFormatException(
          path, VERSION_AT, "version " + version, unsigned(header, VERSION_AT));
    }
    if (header.getInt(CHECKSUM_AT) != checksum(bytes, CHECKSUM_AT)) {
      throw new SnapshotFormatException(
          path, CHECKSUM_AT, "the header's checksum", "one of other bytes");
    }
    requireLength(path, header, HEAD_LENGTH_AT, maxHead);
    requireLength(path, header, BODY_LENGTH_AT, maxBody);
    requireSize(path, header, size);
    return header;
  }

  private static void requireLength(Path path, ByteBuffer header, int at, int max) {
    if (Integer.compareUnsigned(header.getInt(at), max) > 0) {
      throw new SnapshotFormatException(
          path, at, "at most " + max + " bytes", unsigned(header, at));
    }
  }

  private static void requireSize(Path path, ByteBuffer header, long size) {
    long expected =
        (long) HEADER_BYTES + header.getInt(HEAD_LENGTH_AT) + header.getInt(BODY_LENGTH_AT);
    if (size != expected) {
      throw new SnapshotFormatException(
          path,
          Math.min(size, expected),
          "a file of " + expected + " bytes",
          "one of " + size + " bytes");
    }
  }

  private static byte[] part(
      Path path, RandomAccessFile file, ByteBuffer header, int lengthAt, int offset)
      throws IOException {
    byte[] part = new byte[header.getInt(lengthAt)];
    file.seek(offset);
    file.readFully(part);
    int checksumAt = lengthAt + HEAD_CHECKSUM_AT - HEAD_LENGTH_AT;
    if (header.getInt(checksumAt) != checksum(part, part.length)) {
      throw new SnapshotFormatException(
          path,
          offset,
          "%d bytes with checksum 0x%08x".formatted(part.length, header.getInt(checksumAt)),
          "0x%08x".formatted(checksum(part, part.length)));
    }
    return part;
  }

  private static String unsigned(ByteBuffer header, int at) {
    return Integer.toUnsignedString(header.getInt(at));
  }

  private static int checksum(byte[] bytes, int count) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, count);
    return (int) crc.getValue();
  }
}
