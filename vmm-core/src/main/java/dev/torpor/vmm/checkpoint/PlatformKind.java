package dev.torpor.vmm.checkpoint;

/** Which devices a machine has beside its disks. The order is that of the stored format. */
public enum PlatformKind {
  /** A doorbell alone. */
  FLAT,
  /** What a Linux guest expects: serial port, real-time clock, keyboard controller, ACPI. */
  LINUX
}
