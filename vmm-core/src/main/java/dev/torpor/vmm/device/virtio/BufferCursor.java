package dev.torpor.vmm.device.virtio;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;

/**
 * A walk over the readable or the writable bytes of a {@link DescriptorChain}, as if they were one
 * stretch: a driver may split a request into buffers wherever it likes (2.7.4).
 *
 * <p>It carries the budget of bytes that remain; asking for more is the driver's breach of the
 * device's protocol.
 */
public final class BufferCursor {
  private final DescriptorChain chain;
  private final String kind;
  private int buffer;
  private long offset;
  private long remaining;

  BufferCursor(DescriptorChain chain, String kind) {
    this.chain = chain;
    this.kind = kind;
  }

  void begin(int firstBuffer, long byteCount) {
    buffer = firstBuffer;
    offset = 0;
    remaining = byteCount;
    passEmptyBuffers();
  }

  /**
   * How much is left.
   *
   * @return the number of bytes that remain, in this buffer and those behind it
   */
  public long remaining() {
    return remaining;
  }

  /**
   * Where the next byte is.
   *
   * @return its guest physical address
   * @throws GuestProtocolException if no byte remains
   */
  public long address() {
    require(1);
    return chain.address(buffer) + offset;
  }

  /**
   * How many bytes follow each other in memory from {@link #address()}.
   *
   * @return what remains of the present buffer; 0 if no byte remains
   */
  public long contiguous() {
    return remaining == 0 ? 0 : chain.byteCount(buffer) - offset;
  }

  /**
   * Moves on.
   *
   * @param byteCount how many bytes, not negative
   * @throws GuestProtocolException if fewer remain
   */
  public void skip(long byteCount) {
    require(byteCount);
    remaining -= byteCount;
    offset += byteCount;
    passEmptyBuffers();
  }

  /** Leaves {@code offset} inside a buffer, as long as bytes remain. */
  private void passEmptyBuffers() {
    while (remaining > 0 && offset >= chain.byteCount(buffer)) {
      offset -= chain.byteCount(buffer);
      buffer++;
    }
  }

  /**
   * Reads 32 bits and moves on.
   *
   * @param memory the memory that the chain lies in
   * @return the value, little-endian in memory
   * @throws GuestProtocolException if fewer than 4 bytes remain
   */
  public int readInt(GuestMemory memory) {
    if (contiguous() < Integer.BYTES) {
      return (int) readSplit(memory, Integer.BYTES);
    }
    int value = memory.readInt(address());
    skip(Integer.BYTES);
    return value;
  }

  /**
   * Reads 64 bits and moves on.
   *
   * @param memory the memory that the chain lies in
   * @return the value, little-endian in memory
   * @throws GuestProtocolException if fewer than 8 bytes remain
   */
  public long readLong(GuestMemory memory) {
    if (contiguous() < Long.BYTES) {
      return readSplit(memory, Long.BYTES);
    }
    long value = memory.readLong(address());
    skip(Long.BYTES);
    return value;
  }

  private long readSplit(GuestMemory memory, int byteCount) {
    require(byteCount);
    long value = 0;
    for (int shift = 0; shift < byteCount * Byte.SIZE; shift += Byte.SIZE) {
      value |= (memory.readByte(address()) & 0xffL) << shift;
      skip(1);
    }
    return value;
  }

  /**
   * Writes a byte and moves on.
   *
   * @param memory the memory that the chain lies in
   * @param value the byte
   * @throws GuestProtocolException if no byte remains
   */
  public void writeByte(GuestMemory memory, byte value) {
    memory.writeByte(address(), value);
    skip(1);
  }

  private void require(long byteCount) {
    if (byteCount > remaining) {
      throw new GuestProtocolException(
          "queue %d: the request with head %d needs %d more %s bytes, but %d remain"
              .formatted(chain.queueIndex(), chain.head(), byteCount, kind, remaining));
    }
  }
}
