package dev.torpor.vmm.device.virtio;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;

/**
 * One request to a block device (5.2.6): a header of 16 bytes and data to read, then data to write
 * and a last byte for the status. Made once, refilled for each request.
 *
 * <p>Wherever the driver splits it into buffers, each value is read once.
 */
final class BlockRequest {
  static final int IN = 0;
  static final int OUT = 1;
  static final int FLUSH = 4;
  static final int GET_ID = 8;
  static final int DISCARD = 11;
  static final int WRITE_ZEROES = 13;

  static final byte STATUS_OK = 0;
  static final byte STATUS_IO_ERROR = 1;
  static final byte STATUS_UNSUPPORTED = 2;

  static final int SECTOR_BYTES = 512;
  static final int MAX_SEGMENTS = 16;
  static final int UNMAP = 1;
  private static final int SEGMENT_BYTES = 16;

  private final GuestMemory memory;
  private final long capacitySectors;
  private final long[] segmentSectors = new long[MAX_SEGMENTS];
  private final long[] segmentSectorCounts = new long[MAX_SEGMENTS];
  private final boolean[] segmentUnmaps = new boolean[MAX_SEGMENTS];
  private int segmentCount;

  private DescriptorChain chain;
  private int type;
  private long sector;
  private long statusGpa;

  BlockRequest(GuestMemory memory, long capacitySectors) {
    this.memory = memory;
    this.capacitySectors = capacitySectors;
  }

  /**
   * Reads the header and finds the status byte.
   *
   * @throws GuestProtocolException if there is no room for one of them
   */
  void parse(DescriptorChain from) {
    chain = from;
    statusGpa = lastWritableByte();
    type = from.readable().readInt(memory);
    from.readable().skip(Integer.BYTES); // reserved
    sector = from.readable().readLong(memory);
  }

  private long lastWritableByte() {
    for (int i = chain.bufferCount() - 1; i >= chain.readableCount(); i--) {
      if (chain.byteCount(i) > 0) {
        return chain.address(i) + chain.byteCount(i) - 1;
      }
    }
    throw new GuestProtocolException(
        "queue %d: the block request with head %d has 0 writable bytes, needs 1 for its status"
            .formatted(chain.queueIndex(), chain.head()));
  }

  int type() {
    return type;
  }

  long sector() {
    return sector;
  }

  void writeStatus(byte status) {
    memory.writeByte(statusGpa, status);
  }

  /** How much the device may write, without the status byte. */
  long writableDataByteCount() {
    return chain.writableByteCount() - 1;
  }

  /** Whether the disk has {@code byteCount} bytes, in whole sectors, from the header's sector. */
  boolean isTransfer(long byteCount) {
    return byteCount % SECTOR_BYTES == 0 && isOnDisk(sector, byteCount / SECTOR_BYTES);
  }

  private boolean isOnDisk(long firstSector, long sectorCount) {
    return firstSector >= 0
        && sectorCount <= capacitySectors
        && firstSector <= capacitySectors - sectorCount;
  }

  /**
   * Reads and checks all segments of a discard or write zeroes request, before any is acted on.
   *
   * @param maxCount how many there may be, up to {@link #MAX_SEGMENTS}
   * @param maxSectorCount how long each may be
   * @param knownFlags the flags that mean something
   * @return the status to answer with, if it isn't OK
   */
  byte parseSegments(int maxCount, long maxSectorCount, int knownFlags) {
    BufferCursor data = chain.readable();
    long byteCount = data.remaining();
    if (byteCount == 0 || byteCount % SEGMENT_BYTES != 0 || byteCount / SEGMENT_BYTES > maxCount) {
      return STATUS_IO_ERROR;
    }
    segmentCount = (int) (byteCount / SEGMENT_BYTES);
    for (int i = 0; i < segmentCount; i++) {
      segmentSectors[i] = data.readLong(memory);
      segmentSectorCounts[i] = data.readInt(memory) & 0xffff_ffffL;
      int flags = data.readInt(memory);
      if ((flags & ~knownFlags) != 0) {
        return STATUS_UNSUPPORTED;
      }
      segmentUnmaps[i] = (flags & UNMAP) != 0;
      if (segmentSectorCounts[i] > maxSectorCount
          || !isOnDisk(segmentSectors[i], segmentSectorCounts[i])) {
        return STATUS_IO_ERROR;
      }
    }
    return STATUS_OK;
  }

  int segmentCount() {
    return segmentCount;
  }

  long segmentOffset(int i) {
    return segmentSectors[i] * SECTOR_BYTES;
  }

  long segmentByteCount(int i) {
    return segmentSectorCounts[i] * SECTOR_BYTES;
  }

  boolean segmentMayUnmap(int i) {
    return segmentUnmaps[i];
  }
}
