package dev.torpor.vmm.boot;

/** The general registers, the instruction pointer and the flags. */
public enum GeneralRegister {
  /** Accumulator. */
  RAX,
  /** Base. */
  RBX,
  /** Counter; the fourth argument of a C function. */
  RCX,
  /** Data; the third argument of a C function. */
  RDX,
  /** Source index; the second argument of a C function. */
  RSI,
  /** Destination index; the first argument of a C function. */
  RDI,
  /** Stack pointer. */
  RSP,
  /** Frame pointer. */
  RBP,
  /** The fifth argument of a C function. */
  R8,
  /** The sixth argument of a C function. */
  R9,
  /** Register 10. */
  R10,
  /** Register 11. */
  R11,
  /** Register 12. */
  R12,
  /** Register 13. */
  R13,
  /** Register 14. */
  R14,
  /** Register 15. */
  R15,
  /** Instruction pointer. */
  RIP,
  /** Flags. Bit 1 is always one. */
  RFLAGS
}
