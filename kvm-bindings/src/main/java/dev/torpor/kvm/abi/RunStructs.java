package dev.torpor.kvm.abi;

import static dev.torpor.linux.abi.Abi.array;
import static dev.torpor.linux.abi.Abi.bytes;
import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u16;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;
import static dev.torpor.linux.abi.Abi.u8;
import static dev.torpor.linux.abi.Abi.union;

import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** The page that a vCPU shares with the VMM (KVM API: section 5). */
public final class RunStructs {
  private RunStructs() {}

  /** The registers that KVM_CAP_SYNC_REGS hands over with each exit. */
  public static final StructLayout KVM_SYNC_REGS =
      struct(
          "kvm_sync_regs",
          RegisterStructs.KVM_REGS.withName("regs"),
          RegisterStructs.KVM_SREGS.withName("sregs"),
          EventStructs.KVM_VCPU_EVENTS.withName("events"));

  /** Where a debug exit happened. */
  public static final StructLayout KVM_DEBUG_EXIT_ARCH =
      struct(
          "kvm_debug_exit_arch", u32("exception"), u32("pad"), u64("pc"), u64("dr6"), u64("dr7"));

  /** The shared page. */
  public static final StructLayout KVM_RUN =
      struct(
          "kvm_run",
          u8("request_interrupt_window"),
          u8("immediate_exit"),
          bytes("padding1", 6),
          u32("exit_reason"),
          u8("ready_for_interrupt_injection"),
          u8("if_flag"),
          u16("flags"),
          u64("cr8"),
          u64("apic_base"),
          union(
              "",
              struct("", u64("hardware_exit_reason")).withName("hw"),
              struct("", u64("hardware_entry_failure_reason"), u32("cpu")).withName("fail_entry"),
              struct("", u32("exception"), u32("error_code")).withName("ex"),
              struct("", u8("direction"), u8("size"), u16("port"), u32("count"), u64("data_offset"))
                  .withName("io"),
              struct("", KVM_DEBUG_EXIT_ARCH.withName("arch")).withName("debug"),
              struct("", u64("phys_addr"), bytes("data", 8), u32("len"), u8("is_write"))
                  .withName("mmio"),
              struct(
                      "",
                      u64("nr"),
                      array("args", 6, ValueLayout.JAVA_LONG),
                      u64("ret"),
                      u32("longmode"))
                  .withName("hypercall"),
              struct("", u32("suberror"), u32("ndata"), array("data", 16, ValueLayout.JAVA_LONG))
                  .withName("internal"),
              struct(
                      "",
                      u32("suberror"),
                      u32("ndata"),
                      u64("flags"),
                      u8("insn_size"),
                      bytes("insn_bytes", 15))
                  .withName("emulation_failure"),
              struct(
                      "",
                      u32("type"),
                      u32("ndata"),
                      union("", u64("flags"), array("data", 16, ValueLayout.JAVA_LONG)))
                  .withName("system_event"),
              struct("", u8("vector")).withName("eoi"),
              struct("", u8("error"), bytes("pad", 7), u32("reason"), u32("index"), u64("data"))
                  .withName("msr"),
              struct("", u32("flags")).withName("notify"),
              bytes("padding", 256)),
          u64("kvm_valid_regs"),
          u64("kvm_dirty_regs"),
          union("s", KVM_SYNC_REGS.withName("regs"), bytes("padding", 2048)));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL = List.of(KVM_SYNC_REGS, KVM_DEBUG_EXIT_ARCH, KVM_RUN);
}
