package dev.torpor.vmm.device;

/** Where a serial port sends what the guest prints. */
@FunctionalInterface
public interface SerialOutput {
  /** Drops everything. */
  SerialOutput NONE = _ -> {};

  /**
   * Takes one byte. Called on a vCPU thread while the port is locked: must return soon, must not
   * throw, and must not use the port.
   *
   * @param value the byte
   */
  void accept(byte value);
}
