package dev.torpor.vmm.device.virtio;

/** How a device tells the driver that something happened (2.3). Safe from every thread. */
public interface DriverNotifier {
  /**
   * Requests were completed; asked for after each batch. Interrupts only if the driver wants it.
   *
   * @param queue the queue
   */
  void usedBuffers(VirtQueue queue);

  /** The configuration space has changed. */
  void configurationChanged();
}
