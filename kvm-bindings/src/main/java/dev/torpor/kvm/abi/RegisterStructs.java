package dev.torpor.kvm.abi;

import static dev.torpor.linux.abi.Abi.array;
import static dev.torpor.linux.abi.Abi.bytes;
import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u16;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;
import static dev.torpor.linux.abi.Abi.u8;

import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * What KVM_GET_REGS and its siblings carry (KVM API: sections 4.11 to 4.14, 4.26, 4.33, 4.42,
 * 4.126).
 */
public final class RegisterStructs {
  private RegisterStructs() {}

  /** The general-purpose registers. */
  public static final StructLayout KVM_REGS =
      struct(
          "kvm_regs",
          u64("rax"),
          u64("rbx"),
          u64("rcx"),
          u64("rdx"),
          u64("rsi"),
          u64("rdi"),
          u64("rsp"),
          u64("rbp"),
          u64("r8"),
          u64("r9"),
          u64("r10"),
          u64("r11"),
          u64("r12"),
          u64("r13"),
          u64("r14"),
          u64("r15"),
          u64("rip"),
          u64("rflags"));

  /** A segment register with its hidden part. */
  public static final StructLayout KVM_SEGMENT =
      struct(
          "kvm_segment",
          u64("base"),
          u32("limit"),
          u16("selector"),
          u8("type"),
          u8("present"),
          u8("dpl"),
          u8("db"),
          u8("s"),
          u8("l"),
          u8("g"),
          u8("avl"),
          u8("unusable"),
          u8("padding"));

  /** A descriptor table register. */
  public static final StructLayout KVM_DTABLE =
      struct("kvm_dtable", u64("base"), u16("limit"), bytes("padding", 6));

  /** The special registers. */
  public static final StructLayout KVM_SREGS =
      struct(
          "kvm_sregs",
          KVM_SEGMENT.withName("cs"),
          KVM_SEGMENT.withName("ds"),
          KVM_SEGMENT.withName("es"),
          KVM_SEGMENT.withName("fs"),
          KVM_SEGMENT.withName("gs"),
          KVM_SEGMENT.withName("ss"),
          KVM_SEGMENT.withName("tr"),
          KVM_SEGMENT.withName("ldt"),
          KVM_DTABLE.withName("gdt"),
          KVM_DTABLE.withName("idt"),
          u64("cr0"),
          u64("cr2"),
          u64("cr3"),
          u64("cr4"),
          u64("cr8"),
          u64("efer"),
          u64("apic_base"),
          array("interrupt_bitmap", 4, ValueLayout.JAVA_LONG));

  /** The special registers with the page-directory pointers. */
  public static final StructLayout KVM_SREGS2 =
      struct(
          "kvm_sregs2",
          KVM_SEGMENT.withName("cs"),
          KVM_SEGMENT.withName("ds"),
          KVM_SEGMENT.withName("es"),
          KVM_SEGMENT.withName("fs"),
          KVM_SEGMENT.withName("gs"),
          KVM_SEGMENT.withName("ss"),
          KVM_SEGMENT.withName("tr"),
          KVM_SEGMENT.withName("ldt"),
          KVM_DTABLE.withName("gdt"),
          KVM_DTABLE.withName("idt"),
          u64("cr0"),
          u64("cr2"),
          u64("cr3"),
          u64("cr4"),
          u64("cr8"),
          u64("efer"),
          u64("apic_base"),
          u64("flags"),
          array("pdptrs", 4, ValueLayout.JAVA_LONG));

  /** The x87 and SSE registers. */
  public static final StructLayout KVM_FPU =
      struct(
          "kvm_fpu",
          bytes("fpr", 128),
          u16("fcw"),
          u16("fsw"),
          u8("ftwx"),
          u8("pad1"),
          u16("last_opcode"),
          u64("last_ip"),
          u64("last_dp"),
          bytes("xmm", 256),
          u32("mxcsr"),
          u32("pad2"));

  /** The legacy part of the XSAVE area; KVM_CAP_XSAVE2 tells how much follows. */
  public static final StructLayout KVM_XSAVE =
      struct("kvm_xsave", bytes("region", 4096), bytes("extra", 0));

  /** An extended control register. */
  public static final StructLayout KVM_XCR =
      struct("kvm_xcr", u32("xcr"), u32("reserved"), u64("value"));

  /** The extended control registers. */
  public static final StructLayout KVM_XCRS =
      struct(
          "kvm_xcrs",
          u32("nr_xcrs"),
          u32("flags"),
          array("xcrs", 16, KVM_XCR),
          bytes("padding", 128));

  /** The debug registers. */
  public static final StructLayout KVM_DEBUGREGS =
      struct(
          "kvm_debugregs",
          array("db", 4, ValueLayout.JAVA_LONG),
          u64("dr6"),
          u64("dr7"),
          u64("flags"),
          bytes("reserved", 72));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(
          KVM_REGS,
          KVM_SEGMENT,
          KVM_DTABLE,
          KVM_SREGS,
          KVM_SREGS2,
          KVM_FPU,
          KVM_XSAVE,
          KVM_XCR,
          KVM_XCRS,
          KVM_DEBUGREGS);
}
