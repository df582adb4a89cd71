package dev.torpor.vmm.device.virtio;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import java.util.List;

/**
 * A virtio device without its transport: what it offers, and what it does with its queues.
 *
 * <p>The transport never calls {@link #activate}, {@link #reset} or {@link #processQueue} while
 * another of them runs. The configuration space may be read at any time, on any thread.
 */
public interface VirtioDevice extends AutoCloseable {
  /**
   * What kind of device it is (5).
   *
   * @return the device ID, not 0
   */
  int deviceId();

  /**
   * What the device offers.
   *
   * @return feature bits, {@link VirtioFeatures#VERSION_1} among them; always the same
   */
  long deviceFeatures();

  /**
   * How many queues it has.
   *
   * @return the number of queues; always the same
   */
  int queueCount();

  /**
   * How many descriptors a queue may have.
   *
   * @param queueIndex from 0 to one less than {@link #queueCount()}
   * @return a power of two up to {@link VirtQueue#MAX_SIZE}
   */
  int queueMaxSize(int queueIndex);

  /**
   * Reads the configuration space.
   *
   * @param offset from its start, in bytes
   * @param byteCount 1, 2, 4 or 8
   * @return the value, little-endian; zeroes beyond the space's end
   */
  long readConfig(long offset, int byteCount);

  /**
   * Writes the configuration space. Does nothing where it is read-only, as most of it is.
   *
   * @param offset from its start, in bytes
   * @param byteCount 1, 2, 4 or 8
   * @param value the value, zero-extended
   */
  default void writeConfig(long offset, int byteCount, long value) {}

  /**
   * The driver is ready (DRIVER_OK, 3.1.1).
   *
   * @param memory the guest's memory
   * @param queues all queues; those that the driver did not enable have no requests
   * @param driverFeatures what was negotiated, a part of {@link #deviceFeatures()}
   * @param driver how to notify the driver
   * @throws GuestProtocolException if the device cannot work with what the driver set up
   */
  void activate(
      GuestMemory memory, List<VirtQueue> queues, long driverFeatures, DriverNotifier driver);

  /** Forgets everything since the device was made. Also called if it was never activated. */
  void reset();

  /**
   * Handles requests of a queue, on the event loop, and notifies the driver of what it completed. A
   * device handles a limited number at once, so that the loop can be held still at short notice.
   *
   * @param queueIndex which queue
   * @return whether more may be waiting: then it is called again soon
   * @throws GuestProtocolException if the driver broke a rule; the device then needs a reset
   */
  boolean processQueue(int queueIndex);

  /** Frees what the device owns. */
  @Override
  void close();
}
