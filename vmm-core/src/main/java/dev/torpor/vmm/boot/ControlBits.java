package dev.torpor.vmm.boot;

/** Bits of the control registers, by the names of Intel's Software Developer's Manual, 3, 2.5. */
final class ControlBits {
  /** Protected mode. */
  static final long CR0_PE = 1;

  /** WAIT obeys the task-switched flag. */
  static final long CR0_MP = 1 << 1;

  /** The floating-point unit is there; always one. */
  static final long CR0_ET = 1 << 4;

  /** Floating-point errors are exceptions, not interrupts. */
  static final long CR0_NE = 1 << 5;

  /** The kernel, too, is held to read-only pages. */
  static final long CR0_WP = 1 << 16;

  /** Alignment checks are possible. */
  static final long CR0_AM = 1 << 18;

  /** Paging. */
  static final long CR0_PG = 1L << 31;

  /** Page table entries of 64 bits, as long mode needs them. */
  static final long CR4_PAE = 1 << 5;

  /** Global pages. */
  static final long CR4_PGE = 1 << 7;

  /** SSE is usable. */
  static final long CR4_OSFXSR = 1 << 9;

  /** SSE errors are exceptions. */
  static final long CR4_OSXMMEXCPT = 1 << 10;

  /** SYSCALL. */
  static final long EFER_SCE = 1;

  /** Long mode is enabled. */
  static final long EFER_LME = 1 << 8;

  /** Long mode is active. */
  static final long EFER_LMA = 1 << 10;

  /** Pages may forbid execution. */
  static final long EFER_NXE = 1 << 11;

  /** The bit of RFLAGS that is always one. All others clear: interrupts are off. */
  static final long RFLAGS_FIXED = 1 << 1;

  private ControlBits() {}
}
