package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.UUID;
import java.util.zip.CRC32C;

/**
 * The first 4096 bytes of a layer.
 *
 * @param kind how the layer arranges its blocks
 * @param finished whether the layer is complete and will not change
 * @param number the layer's number, as in its file's name
 * @param uuid what tells it from every other layer
 * @param imageBlockCount how many blocks the image has for which it was written
 * @param byteCount how many bytes of the file belong to the layer, this header included; 0 while it
 *     is not finished
 */
record LayerHeader(
    LayerKind kind, boolean finished, int number, UUID uuid, long imageBlockCount, long byteCount) {
  static final int BYTES = 4096;

  /** Flat blocks begin at a multiple of a huge page, so that huge pages can map them. */
  static final long FLAT_DATA_OFFSET = 2L << 20;

  /** "TORPLAYR" as the bytes of the file. */
  static final long MAGIC = 0x5259_414c_5052_4f54L;

  static final int VERSION = 1;

  static final int MAGIC_AT = 0;
  static final int VERSION_AT = 8;
  static final int KIND_AT = 12;
  static final int FINISHED_AT = 13;
  static final int NUMBER_AT = 16;
  static final int IMAGE_BLOCK_COUNT_AT = 24;
  static final int UUID_HIGH_AT = 32;
  static final int UUID_LOW_AT = 40;
  static final int DATA_OFFSET_AT = 48;
  static final int BYTE_COUNT_AT = 56;
  static final int CHECKSUM_AT = BYTES - 4;

  /** Where the first block may be. */
  long dataOffset() {
    return kind == LayerKind.FLAT ? FLAT_DATA_OFFSET : BYTES;
  }

  /** Where the first byte is that no block's natural place claims. */
  long appendOffset() {
    return kind == LayerKind.FLAT ? FLAT_DATA_OFFSET + imageBlockCount * Blocks.BYTES : BYTES;
  }

  LayerHeader finishedWith(long newByteCount) {
    return new LayerHeader(kind, true, number, uuid, imageBlockCount, newByteCount);
  }

  LayerHeader unfinished() {
    return new LayerHeader(kind, false, number, uuid, imageBlockCount, 0);
  }

  ByteBuffer encode() {
    ByteBuffer bytes = ByteBuffer.allocateDirect(BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.putLong(MAGIC_AT, MAGIC);
    bytes.putInt(VERSION_AT, VERSION);
    bytes.put(KIND_AT, (byte) kind.code());
    bytes.put(FINISHED_AT, (byte) (finished ? 1 : 0));
    bytes.putInt(NUMBER_AT, number);
    bytes.putLong(IMAGE_BLOCK_COUNT_AT, imageBlockCount);
    bytes.putLong(UUID_HIGH_AT, uuid.getMostSignificantBits());
    bytes.putLong(UUID_LOW_AT, uuid.getLeastSignificantBits());
    bytes.putLong(DATA_OFFSET_AT, dataOffset());
    bytes.putLong(BYTE_COUNT_AT, byteCount);
    bytes.putInt(CHECKSUM_AT, checksum(bytes));
    return bytes.clear();
  }

  /** Reads and checks a header of {@value #BYTES} bytes. */
  static LayerHeader decode(Path file, ByteBuffer bytes) {
    bytes.order(ByteOrder.LITTLE_ENDIAN);
    require(bytes.getLong(MAGIC_AT) == MAGIC, file, MAGIC_AT, "the magic of a layer", "another");
    int version = bytes.getInt(VERSION_AT);
    require(version == VERSION, file, VERSION_AT, "layer version " + VERSION, "" + version);
    int checksum = checksum(bytes);
    int stored = bytes.getInt(CHECKSUM_AT);
    require(
        stored == checksum,
        file,
        CHECKSUM_AT,
        "header CRC32C %08x".formatted(checksum),
        "%08x".formatted(stored));
    return checked(file, bytes);
  }

  private static LayerHeader checked(Path file, ByteBuffer bytes) {
    LayerKind kind = LayerKind.ofCode(bytes.get(KIND_AT));
    require(kind != null, file, KIND_AT, "a layer kind", "" + bytes.get(KIND_AT));
    long blockCount = bytes.getLong(IMAGE_BLOCK_COUNT_AT);
    require(
        blockCount >= 1 && blockCount <= Image.MAX_BLOCK_COUNT,
        file,
        IMAGE_BLOCK_COUNT_AT,
        "an image's block count",
        Long.toUnsignedString(blockCount));
    boolean finished = bytes.get(FINISHED_AT) != 0;
    UUID uuid = new UUID(bytes.getLong(UUID_HIGH_AT), bytes.getLong(UUID_LOW_AT));
    LayerHeader header =
        new LayerHeader(
            kind,
            finished,
            bytes.getInt(NUMBER_AT),
            uuid,
            blockCount,
            bytes.getLong(BYTE_COUNT_AT));
    long dataOffset = bytes.getLong(DATA_OFFSET_AT);
    require(
        dataOffset == header.dataOffset(),
        file,
        DATA_OFFSET_AT,
        "data offset " + header.dataOffset(),
        "" + dataOffset);
    return header;
  }

  private static int checksum(ByteBuffer bytes) {
    return Checksums.of(new CRC32C(), bytes.duplicate(), 0, CHECKSUM_AT);
  }

  private static void require(boolean ok, Path file, long offset, String expected, String found) {
    if (!ok) {
      throw new SnapshotFormatException(file, offset, expected, found);
    }
  }
}
