package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_REGS;

import dev.torpor.linux.abi.Abi;
import java.util.Locale;

/** The general-purpose registers, in the order of {@code struct kvm_regs} (section 4.11). */
public enum Register {
  /** RAX. */
  RAX,
  /** RBX. */
  RBX,
  /** RCX. */
  RCX,
  /** RDX. */
  RDX,
  /** RSI. */
  RSI,
  /** RDI. */
  RDI,
  /** RSP. */
  RSP,
  /** RBP. */
  RBP,
  /** R8. */
  R8,
  /** R9. */
  R9,
  /** R10. */
  R10,
  /** R11. */
  R11,
  /** R12. */
  R12,
  /** R13. */
  R13,
  /** R14. */
  R14,
  /** R15. */
  R15,
  /** The instruction pointer. */
  RIP,
  /** The flags. */
  RFLAGS;

  /** Where the register is in the structure, found by the kernel's name for it. */
  final long offset = Abi.offset(KVM_REGS, name().toLowerCase(Locale.ROOT));
}
