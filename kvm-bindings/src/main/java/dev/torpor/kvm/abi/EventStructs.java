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

/**
 * Pending events, clocks and the rest of a vCPU's state (KVM API: sections 4.22, 4.29 to 4.31,
 * 4.38, 4.79, 4.87, 4.114).
 */
public final class EventStructs {
  private EventStructs() {}

  /** What is pending or blocked in a vCPU. */
  public static final StructLayout KVM_VCPU_EVENTS =
      struct(
          "kvm_vcpu_events",
          struct(
                  "",
                  u8("injected"),
                  u8("nr"),
                  u8("has_error_code"),
                  u8("pending"),
                  u32("error_code"))
              .withName("exception"),
          struct("", u8("injected"), u8("nr"), u8("soft"), u8("shadow")).withName("interrupt"),
          struct("", u8("injected"), u8("pending"), u8("masked"), u8("pad")).withName("nmi"),
          u32("sipi_vector"),
          u32("flags"),
          struct("", u8("smm"), u8("pending"), u8("smm_inside_nmi"), u8("latched_init"))
              .withName("smi"),
          struct("", u8("pending")).withName("triple_fault"),
          bytes("reserved", 26),
          u8("exception_has_payload"),
          u64("exception_payload"));

  /** Whether a vCPU runs, is halted or waits to be started. */
  public static final StructLayout KVM_MP_STATE = struct("kvm_mp_state", u32("mp_state"));

  /** The debug registers that a debugger wants. */
  public static final StructLayout KVM_GUEST_DEBUG_ARCH =
      struct("kvm_guest_debug_arch", array("debugreg", 8, ValueLayout.JAVA_LONG));

  /** What a debugger wants to see. */
  public static final StructLayout KVM_GUEST_DEBUG =
      struct("kvm_guest_debug", u32("control"), u32("pad"), KVM_GUEST_DEBUG_ARCH.withName("arch"));

  /** The signals blocked while the guest runs. */
  public static final StructLayout KVM_SIGNAL_MASK =
      struct("kvm_signal_mask", u32("len"), bytes("sigset", 0));

  /** The guest's clock. */
  public static final StructLayout KVM_CLOCK_DATA =
      struct(
          "kvm_clock_data",
          u64("clock"),
          u32("flags"),
          u32("pad0"),
          u64("realtime"),
          u64("host_tsc"),
          array("pad", 4, ValueLayout.JAVA_INT));

  /** An attribute of a VM, a vCPU or a device. */
  public static final StructLayout KVM_DEVICE_ATTR =
      struct("kvm_device_attr", u32("flags"), u32("group"), u64("attr"), u64("addr"));

  /** The head of the state of nested virtualisation; its data follow. */
  public static final StructLayout KVM_NESTED_STATE =
      struct(
          "kvm_nested_state",
          u16("flags"),
          u16("format"),
          u32("size"),
          union(
              "hdr",
              struct(
                      "",
                      u64("vmxon_pa"),
                      u64("vmcs12_pa"),
                      struct("", u16("flags")).withName("smm"),
                      u16("pad"),
                      u32("flags"),
                      u64("preemption_timer_deadline"))
                  .withName("vmx"),
              struct("", u64("vmcb_pa")).withName("svm"),
              bytes("pad", 120)));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(
          KVM_VCPU_EVENTS,
          KVM_MP_STATE,
          KVM_GUEST_DEBUG_ARCH,
          KVM_GUEST_DEBUG,
          KVM_SIGNAL_MASK,
          KVM_CLOCK_DATA,
          KVM_DEVICE_ATTR,
          KVM_NESTED_STATE);
}
