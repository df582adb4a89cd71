package dev.torpor.kvm.abi;

import static dev.torpor.linux.abi.Abi.array;
import static dev.torpor.linux.abi.Abi.bytes;
import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u16;
import static dev.torpor.linux.abi.Abi.u32;
import static dev.torpor.linux.abi.Abi.u64;
import static dev.torpor.linux.abi.Abi.u8;
import static dev.torpor.linux.abi.Abi.union;

import java.lang.foreign.MemoryLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Interrupt controllers, timers and their wiring (KVM API: sections 4.25, 4.26, 4.52, 4.57, 4.59,
 * 4.70 to 4.72).
 */
public final class InterruptStructs {
  private InterruptStructs() {}

  /** The local APIC's register page. */
  public static final StructLayout KVM_LAPIC_STATE = struct("kvm_lapic_state", bytes("regs", 1024));

  /** An 8259A. */
  public static final StructLayout KVM_PIC_STATE =
      struct(
          "kvm_pic_state",
          u8("last_irr"),
          u8("irr"),
          u8("imr"),
          u8("isr"),
          u8("priority_add"),
          u8("irq_base"),
          u8("read_reg_select"),
          u8("poll"),
          u8("special_mask"),
          u8("init_state"),
          u8("auto_eoi"),
          u8("rotate_on_auto_eoi"),
          u8("special_fully_nested_mode"),
          u8("init4"),
          u8("elcr"),
          u8("elcr_mask"));

  /** The I/O APIC. */
  public static final StructLayout KVM_IOAPIC_STATE =
      struct(
          "kvm_ioapic_state",
          u64("base_address"),
          u32("ioregsel"),
          u32("id"),
          u32("irr"),
          u32("pad"),
          array("redirtbl", 24, ValueLayout.JAVA_LONG));

  /** One of the three interrupt chips. */
  public static final StructLayout KVM_IRQCHIP =
      struct(
          "kvm_irqchip",
          u32("chip_id"),
          u32("pad"),
          union(
              "chip",
              bytes("dummy", 512),
              KVM_PIC_STATE.withName("pic"),
              KVM_IOAPIC_STATE.withName("ioapic")));

  /** How to create the timer. */
  public static final StructLayout KVM_PIT_CONFIG =
      struct("kvm_pit_config", u32("flags"), array("pad", 15, ValueLayout.JAVA_INT));

  /** A channel of the timer. */
  public static final StructLayout KVM_PIT_CHANNEL_STATE =
      struct(
          "kvm_pit_channel_state",
          u32("count"),
          u16("latched_count"),
          u8("count_latched"),
          u8("status_latched"),
          u8("status"),
          u8("read_state"),
          u8("write_state"),
          u8("write_latch"),
          u8("rw_mode"),
          u8("mode"),
          u8("bcd"),
          u8("gate"),
          u64("count_load_time"));

  /** The timer. */
  public static final StructLayout KVM_PIT_STATE2 =
      struct(
          "kvm_pit_state2",
          array("channels", 3, KVM_PIT_CHANNEL_STATE),
          u32("flags"),
          array("reserved", 9, ValueLayout.JAVA_INT));

  /** A line and its level. */
  public static final StructLayout KVM_IRQ_LEVEL =
      struct("kvm_irq_level", union("", u32("irq"), u32("status")), u32("level"));

  /** A route to a chip's pin. */
  public static final StructLayout KVM_IRQ_ROUTING_IRQCHIP =
      struct("kvm_irq_routing_irqchip", u32("irqchip"), u32("pin"));

  /** A route to a message. */
  public static final StructLayout KVM_IRQ_ROUTING_MSI =
      struct(
          "kvm_irq_routing_msi",
          u32("address_lo"),
          u32("address_hi"),
          u32("data"),
          union("", u32("pad"), u32("devid")));

  /** A route of one GSI. */
  public static final StructLayout KVM_IRQ_ROUTING_ENTRY =
      struct(
          "kvm_irq_routing_entry",
          u32("gsi"),
          u32("type"),
          u32("flags"),
          u32("pad"),
          union(
              "u",
              KVM_IRQ_ROUTING_IRQCHIP.withName("irqchip"),
              KVM_IRQ_ROUTING_MSI.withName("msi"),
              bytes("pad", 32)));

  /** The table of routes. */
  public static final StructLayout KVM_IRQ_ROUTING =
      struct(
          "kvm_irq_routing",
          u32("nr"),
          u32("flags"),
          array("entries", 0, MemoryLayout.sequenceLayout(6, ValueLayout.JAVA_LONG)));

  /** A message-signalled interrupt. */
  public static final StructLayout KVM_MSI =
      struct(
          "kvm_msi",
          u32("address_lo"),
          u32("address_hi"),
          u32("data"),
          u32("flags"),
          u32("devid"),
          bytes("pad", 12));

  /** An eventfd that raises a GSI. */
  public static final StructLayout KVM_IRQFD =
      struct("kvm_irqfd", u32("fd"), u32("gsi"), u32("flags"), u32("resamplefd"), bytes("pad", 16));

  /** A guest address that signals an eventfd. */
  public static final StructLayout KVM_IOEVENTFD =
      struct(
          "kvm_ioeventfd",
          u64("datamatch"),
          u64("addr"),
          u32("len"),
          u32("fd"),
          u32("flags"),
          bytes("pad", 36));

  /** A vector to inject. */
  public static final StructLayout KVM_INTERRUPT = struct("kvm_interrupt", u32("irq"));

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL =
      List.of(
          KVM_LAPIC_STATE,
          KVM_PIC_STATE,
          KVM_IOAPIC_STATE,
          KVM_IRQCHIP,
          KVM_PIT_CONFIG,
          KVM_PIT_CHANNEL_STATE,
          KVM_PIT_STATE2,
          KVM_IRQ_LEVEL,
          KVM_IRQ_ROUTING_IRQCHIP,
          KVM_IRQ_ROUTING_MSI,
          KVM_IRQ_ROUTING_ENTRY,
          KVM_IRQ_ROUTING,
          KVM_MSI,
          KVM_IRQFD,
          KVM_IOEVENTFD,
          KVM_INTERRUPT);
}
