package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_SREGS2;

import dev.torpor.linux.abi.Abi;
import java.util.Locale;

/** The segment registers, in the order of {@code struct kvm_sregs} (section 4.13). */
public enum SegmentRegister {
  /** Code. */
  CS,
  /** Data. */
  DS,
  /** Extra data. */
  ES,
  /** Data, based per thread. */
  FS,
  /** Data, based per processor or thread. */
  GS,
  /** Stack. */
  SS,
  /** The task state segment. */
  TR,
  /** The local descriptor table. */
  LDT;

  /** Where the register is in the structure, found by the kernel's name for it. */
  final long offset = Abi.offset(KVM_SREGS2, name().toLowerCase(Locale.ROOT));
}
