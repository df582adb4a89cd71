package dev.torpor.snapshot;

import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** The checksum of the format: CRC32C (Castagnoli), as in iSCSI and ext4. */
public final class Checksums {
  private Checksums() {}

  /**
   * Computes the CRC32C of some bytes.
   *
   * @param bytes what holds them: off the heap or a byte array; a Java thread reads it, so it must
   *     be resident
   * @param offset where they begin
   * @param byteCount how many, at most {@link Integer#MAX_VALUE}
   * @return the checksum
   * @throws IndexOutOfBoundsException if the segment ends before the bytes do
   */
  public static int of(MemorySegment bytes, long offset, long byteCount) {
    CRC32C crc = new CRC32C();
    crc.update(bytes.asSlice(offset, byteCount).asByteBuffer());
    return (int) crc.getValue();
  }

  /** The same over a view that is kept, with an object that is kept: allocates nothing. */
  static int of(CRC32C crc, ByteBuffer view, int offset, int byteCount) {
    crc.reset();
    view.limit(offset + byteCount).position(offset);
    crc.update(view);
    return (int) crc.getValue();
  }
}
