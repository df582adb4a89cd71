package dev.torpor.snapshot;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/**
 * The index of a disk's open layer: a file beside the layer that says which block each of its slots
 * holds. Slot <i>n</i> is the layer's 4096 bytes from {@code (n + 1) * 4096} on; it belongs to one
 * block for the layer's whole life, so a record never makes an earlier one wrong.
 *
 * <pre>
 *   header   u64 magic | u32 version | u32 crc32c of the rest | u32 layer | u32 0 | u64 block count
 *   record   u32 crc32c of the rest | u32 count | u32 batch | u32 sequence
 *            | u64 first block | u64 first slot; bit 63: the blocks are zero; bit 62: ends the batch
 * </pre>
 *
 * <p>Everything is little-endian. Records are only ever appended: those of one flush are one batch,
 * written once their data are durable, and the next batch begins once they are durable themselves.
 * So a crash can only damage the last batch, and a damaged record with a later batch behind it is
 * no crash's doing.
 */
public final class OpenLayerIndex {
  /** The size of the header, in bytes. */
  public static final int HEADER_BYTES = 32;

  /** The size of a record, in bytes. */
  public static final int RECORD_BYTES = 32;

  static final long MAGIC = 0x31786469_70726f74L; // "torpidx1"
  static final int VERSION = 1;
  private static final long ZERO = 1L << 63;
  private static final long LAST = 1L << 62;

  /** Receives what an index says. */
  @FunctionalInterface
  public interface Sink {
    /**
     * Some blocks in consecutive slots.
     *
     * @param firstBlock the first block, within the image
     * @param firstSlot the first block's slot
     * @param count how many, at least 1
     * @param zero whether the blocks are zero, whatever the slots hold
     */
    void accept(long firstBlock, long firstSlot, int count, boolean zero);
  }

  /**
   * Where an index ends that was read.
   *
   * @param byteSize how many bytes of the file are good; what follows is to be cut off
   * @param batch the batch that goes on or begins there
   * @param recordCount how many good records there are
   */
  public record End(long byteSize, int batch, int recordCount) {}

  private OpenLayerIndex() {}

  /**
   * Writes the header.
   *
   * @param to a little-endian buffer; the header is put at its position, which moves on
   * @param layer the layer's number
   * @param blockCount how many blocks the disk has
   */
  public static void putHeader(ByteBuffer to, int layer, long blockCount) {
    int at = to.position();
    to.putLong(MAGIC).putInt(VERSION).putInt(0).putInt(layer).putInt(0).putLong(blockCount);
    to.putInt(at + 12, crc(new CRC32C(), to, at + 16, at + HEADER_BYTES));
  }

  /**
   * Writes one record.
   *
   * @param to a little-endian buffer; the record is put at its position, which moves on
   * @param batch the flush it belongs to, counted from 1
   * @param sequence which record of the file it is, counted from 0
   * @param firstBlock the first block
   * @param firstSlot the first block's slot
   * @param count how many blocks in consecutive slots, at least 1
   * @param zero whether the blocks are zero
   * @param last whether the record is the last of its batch
   */
  public static void putRecord(
      ByteBuffer to,
      int batch,
      int sequence,
      long firstBlock,
      long firstSlot,
      int count,
      boolean zero,
      boolean last) {
    int at = to.position();
    to.putInt(0).putInt(count).putInt(batch).putInt(sequence).putLong(firstBlock);
    to.putLong(firstSlot | (zero ? ZERO : 0) | (last ? LAST : 0));
    to.putInt(at, crc(new CRC32C(), to, at + 4, at + RECORD_BYTES));
  }

  /**
   * Reads an index up to the first record that a crash damaged.
   *
   * @param file for messages
   * @param content the whole file
   * @param layer the layer's number
   * @param blockCount how many blocks the disk has
   * @param sink is told of the records in order
   * @return where the good part ends
   * @throws SnapshotFormatException if it is not this layer's index, if a record names what cannot
   *     be, or if one is damaged that was durable
   */
  public static End read(Path file, ByteBuffer content, int layer, long blockCount, Sink sink) {
    ByteBuffer from = content.slice().order(ByteOrder.LITTLE_ENDIAN);
    checkHeader(file, from, layer, blockCount);
    CRC32C crc = new CRC32C();
    int at = HEADER_BYTES;
    int batch = 1;
    int count = 0;
    while (isRecord(crc, from, at, count)) {
      if (from.getInt(at + 8) != batch) {
        throw new SnapshotFormatException(
            file, at + 8L, "batch " + batch, "batch " + from.getInt(at + 8));
      }
      deliver(file, from, at, blockCount, sink);
      batch += (from.getLong(at + 24) & LAST) == 0 ? 0 : 1;
      at += RECORD_BYTES;
      count++;
    }
    checkTail(file, crc, from, at, count, batch);
    return new End(at, batch, count);
  }

  private static void checkHeader(Path file, ByteBuffer from, int layer, long blockCount) {
    if (from.limit() < HEADER_BYTES) {
      throw new SnapshotFormatException(
          file, 0, "an index's header of " + HEADER_BYTES + " bytes", from.limit() + " bytes");
    }
    require(file, 0, "magic number", MAGIC, from.getLong(0));
    int stored = from.getInt(12);
    require(file, 12, "checksum", crc(new CRC32C(), from, 16, HEADER_BYTES), stored);
    require(file, 8, "version", VERSION, from.getInt(8));
    require(file, 16, "layer", layer, from.getInt(16));
    require(file, 24, "block count", blockCount, from.getLong(24));
  }

  private static void require(Path file, long offset, String what, long expected, long found) {
    if (expected != found) {
      throw new SnapshotFormatException(
          file, offset, what + " 0x" + Long.toHexString(expected), "0x" + Long.toHexString(found));
    }
  }

  private static boolean isRecord(CRC32C crc, ByteBuffer from, int at, int sequence) {
    return at + RECORD_BYTES <= from.limit()
        && from.getInt(at + 12) == sequence
        && from.getInt(at) == crc(crc, from, at + 4, at + RECORD_BYTES);
  }

  private static void deliver(Path file, ByteBuffer from, int at, long blockCount, Sink sink) {
    int count = from.getInt(at + 4);
    long block = from.getLong(at + 16);
    long slot = from.getLong(at + 24) & ~(ZERO | LAST);
    // A block has at most one slot, so there are no more slots than blocks.
    if (count < 1 || block < 0 || block > blockCount - count || slot > blockCount - count) {
      throw new SnapshotFormatException(
          file,
          at + 4L,
          "blocks and slots below " + blockCount,
          "%d blocks from %d in slots from %d".formatted(count, block, slot));
    }
    sink.accept(block, slot, count, from.getLong(at + 24) < 0);
  }

  /** Behind the first bad record there may be others of its own batch, but none of a later one. */
  private static void checkTail(
      Path file, CRC32C crc, ByteBuffer from, int bad, int sequence, int batch) {
    for (int i = 1; bad + (long) i * RECORD_BYTES <= from.limit() - RECORD_BYTES; i++) {
      int at = bad + i * RECORD_BYTES;
      if (isRecord(crc, from, at, sequence + i) && from.getInt(at + 8) > batch) {
        throw new SnapshotFormatException(
            file,
            bad,
            "record " + sequence + ", which a later flush followed",
            "bytes that do not match their checksum");
      }
    }
  }

  private static int crc(CRC32C crc, ByteBuffer of, int from, int to) {
    int position = of.position();
    int limit = of.limit();
    crc.reset();
    crc.update(of.limit(to).position(from));
    of.limit(limit).position(position);
    return (int) crc.getValue();
  }
}
