package dev.torpor.vmm.device.virtio;

import java.util.concurrent.atomic.LongAdder;

/** What a block device has done since it was made. Read from every thread. */
public final class BlockMetrics {
  private final LongAdder requests = new LongAdder();
  private final LongAdder errors = new LongAdder();
  private final LongAdder flushes = new LongAdder();
  private final LongAdder readBytes = new LongAdder();
  private final LongAdder writtenBytes = new LongAdder();

  BlockMetrics() {}

  void countRequest() {
    requests.increment();
  }

  void countError() {
    errors.increment();
  }

  void countFlush() {
    flushes.increment();
  }

  void countRead(long byteCount) {
    readBytes.add(byteCount);
  }

  void countWritten(long byteCount) {
    writtenBytes.add(byteCount);
  }

  /**
   * Requests of every kind, successful or not.
   *
   * @return their number
   */
  public long requestCount() {
    return requests.sum();
  }

  /**
   * Requests that were answered with an error.
   *
   * @return their number
   */
  public long errorCount() {
    return errors.sum();
  }

  /**
   * Requests after which everything written was durable.
   *
   * @return their number
   */
  public long flushCount() {
    return flushes.sum();
  }

  /**
   * Data that the guest read.
   *
   * @return their length in bytes
   */
  public long readByteCount() {
    return readBytes.sum();
  }

  /**
   * Data that the guest wrote; not what it discarded or had zeroed.
   *
   * @return their length in bytes
   */
  public long writtenByteCount() {
    return writtenBytes.sum();
  }
}
