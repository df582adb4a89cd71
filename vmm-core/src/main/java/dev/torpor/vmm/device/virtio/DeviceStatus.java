package dev.torpor.vmm.device.virtio;

/** The bits of the device status field (2.1), in the order in which a driver sets them. */
final class DeviceStatus {
  /** The guest has found the device. */
  static final int ACKNOWLEDGE = 1;

  /** The guest has a driver for it. */
  static final int DRIVER = 2;

  /** Driver and device agree on the features. */
  static final int FEATURES_OK = 8;

  /** The driver is ready: the device may work. */
  static final int DRIVER_OK = 4;

  /** The device cannot go on; set by the device alone. */
  static final int NEEDS_RESET = 64;

  /** The driver has given up. */
  static final int FAILED = 128;

  private DeviceStatus() {}
}
