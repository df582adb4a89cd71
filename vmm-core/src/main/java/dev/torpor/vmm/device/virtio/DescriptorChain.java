package dev.torpor.vmm.device.virtio;

import java.util.Arrays;
import java.util.Objects;

/**
 * One request of the driver: buffers for the device to read, then buffers for it to write (2.7.4).
 *
 * <p>Made once and refilled by {@link VirtQueue#next} for each request; its arrays grow to the
 * longest chain seen, which is no longer than the queue. Everything here is a copy: whatever the
 * driver does to its descriptors afterwards changes nothing. Every buffer lies inside guest memory.
 * Belongs to one thread at a time.
 */
public final class DescriptorChain {
  private static final int INITIAL_CAPACITY = 16;

  private long[] addresses = new long[INITIAL_CAPACITY];
  private long[] byteCounts = new long[INITIAL_CAPACITY];
  private int queueIndex;
  private int head;
  private int bufferCount;
  private int readableCount;
  private long readableByteCount;
  private long writableByteCount;
  private final BufferCursor readable = new BufferCursor(this, "readable");
  private final BufferCursor writable = new BufferCursor(this, "writable");

  /** Makes an empty chain. */
  public DescriptorChain() {}

  void begin(int queueIndex, int head) {
    this.queueIndex = queueIndex;
    this.head = head;
    bufferCount = 0;
    readableCount = 0;
    readableByteCount = 0;
    writableByteCount = 0;
  }

  void add(long address, long byteCount, boolean isWritable) {
    if (bufferCount == addresses.length) {
      addresses = Arrays.copyOf(addresses, 2 * bufferCount);
      byteCounts = Arrays.copyOf(byteCounts, 2 * bufferCount);
    }
    addresses[bufferCount] = address;
    byteCounts[bufferCount] = byteCount;
    bufferCount++;
    if (isWritable) {
      writableByteCount += byteCount;
    } else {
      readableCount++;
      readableByteCount += byteCount;
    }
  }

  void end() {
    readable.begin(0, readableByteCount);
    writable.begin(readableCount, writableByteCount);
  }

  /**
   * What {@link VirtQueue#complete} is told when the request is done.
   *
   * @return the index of the chain's first descriptor
   */
  public int head() {
    return head;
  }

  /**
   * Which queue it came from.
   *
   * @return the queue's index
   */
  public int queueIndex() {
    return queueIndex;
  }

  /**
   * How many buffers there are.
   *
   * @return the number of readable and writable buffers
   */
  public int bufferCount() {
    return bufferCount;
  }

  /**
   * How many of them are readable; they come first.
   *
   * @return the number of readable buffers
   */
  public int readableCount() {
    return readableCount;
  }

  /**
   * Where a buffer begins.
   *
   * @param index from 0 to one less than {@link #bufferCount()}
   * @return its guest physical address
   */
  public long address(int index) {
    return addresses[Objects.checkIndex(index, bufferCount)];
  }

  /**
   * How long a buffer is.
   *
   * @param index from 0 to one less than {@link #bufferCount()}
   * @return its length in bytes, from 0 to less than 2<sup>32</sup>
   */
  public long byteCount(int index) {
    return byteCounts[Objects.checkIndex(index, bufferCount)];
  }

  /**
   * How much the driver lets the device read.
   *
   * @return the length of all readable buffers, in bytes
   */
  public long readableByteCount() {
    return readableByteCount;
  }

  /**
   * How much the driver lets the device write.
   *
   * @return the length of all writable buffers, in bytes
   */
  public long writableByteCount() {
    return writableByteCount;
  }

  /**
   * A walk over the readable bytes, which begins anew with each request.
   *
   * @return the chain's one cursor over them
   */
  public BufferCursor readable() {
    return readable;
  }

  /**
   * A walk over the writable bytes, which begins anew with each request.
   *
   * @return the chain's one cursor over them
   */
  public BufferCursor writable() {
    return writable;
  }
}
