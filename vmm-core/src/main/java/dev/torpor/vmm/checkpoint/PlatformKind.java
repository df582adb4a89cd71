package dev.torpor.vmm.checkpoint;

/** Which devices a machine has beside its disks. */
public enum PlatformKind {
  /** A doorbell alone. */
  FLAT(0),
  /** What a Linux guest expects: serial port, real-time clock, keyboard controller, ACPI. */
  LINUX(1);

  static final int MAX_CODE = 1;

  private final int code;

  PlatformKind(int code) {
    this.code = code;
  }

  /** What stands for it in a stored state. */
  int code() {
    return code;
  }

  static PlatformKind of(int code) {
    return code == FLAT.code ? FLAT : LINUX;
  }
}
