package dev.torpor.kvm;

/** Capabilities of KVM (KVM API: sections 4.4, 6 to 8). */
public enum Cap {
  /** Interrupt controllers in the kernel. */
  IRQCHIP(0),
  /** Memslots over memory of the VMM. */
  USER_MEMORY(3),
  /** A place for the task state segment that Intel needs. */
  SET_TSS_ADDR(4),
  /** CPUID by leaf and subleaf. */
  EXT_CPUID(7),
  /** The recommended number of vCPUs. */
  NR_VCPUS(9),
  /** The number of memslots. */
  NR_MEMSLOTS(10),
  /** Whether a vCPU runs or waits. */
  MP_STATE(14),
  /** Guest mappings follow changes of host mappings. */
  SYNC_MMU(16),
  /** Non-maskable interrupts from the VMM. */
  USER_NMI(22),
  /** Breakpoints and single steps. */
  SET_GUEST_DEBUG(23),
  /** Routes from GSIs to pins and messages. */
  IRQ_ROUTING(25),
  /** Interrupts raised by eventfd. */
  IRQFD(32),
  /** The timer in the kernel. */
  PIT2(33),
  /** Choice of the boot processor. */
  SET_BOOT_CPU_ID(34),
  /** The timer's whole state. */
  PIT_STATE2(35),
  /** Guest writes that signal an eventfd. */
  IOEVENTFD(36),
  /** A place for the identity map that Intel needs. */
  SET_IDENTITY_MAP_ADDR(37),
  /** The guest's clock can be read and set; the value tells the flags. */
  ADJUST_CLOCK(39),
  /** Details of internal errors. */
  INTERNAL_ERROR_DATA(40),
  /** Pending exceptions and interrupts. */
  VCPU_EVENTS(41),
  /** Debug registers. */
  DEBUGREGS(50),
  /** Capabilities enabled on a vCPU. */
  ENABLE_CAP(54),
  /** Extended processor state. */
  XSAVE(55),
  /** Extended control registers. */
  XCRS(56),
  /** The frequency of a vCPU's time stamp counter can be set. */
  TSC_CONTROL(60),
  /** The frequency of a vCPU's time stamp counter can be read. */
  GET_TSC_KHZ(61),
  /** The largest number of vCPUs. */
  MAX_VCPUS(66),
  /** The local APIC's deadline mode. */
  TSC_DEADLINE_TIMER(72),
  /** Registers handed over with each exit; the value tells which. */
  SYNC_REGS(74),
  /** The guest can be told that it was paused. */
  KVMCLOCK_CTRL(76),
  /** Messages from the VMM. */
  SIGNAL_MSI(77),
  /** Read-only memslots. */
  READONLY_MEM(81),
  /** Attributes of devices. */
  DEVICE_CTRL(89),
  /** Emulated CPUID features. */
  EXT_EMUL_CPUID(95),
  /** Capabilities enabled on a VM. */
  ENABLE_CAP_VM(98),
  /** Attributes of a VM. */
  VM_ATTRIBUTES(101),
  /** Extensions asked of a VM. */
  CHECK_EXTENSION_VM(105),
  /** Old misbehaviour can be turned off. */
  DISABLE_QUIRKS(116),
  /** System management mode. */
  X86_SMM(117),
  /** Several address spaces. */
  MULTI_ADDRESS_SPACE(118),
  /** Attributes of a vCPU, the offset of its time stamp counter among them. */
  VCPU_ATTRIBUTES(127),
  /** The largest vCPU id. */
  MAX_VCPU_ID(128),
  /** APIC ids of 32 bits. */
  X2APIC_API(129),
  /** KVM_RUN can be told to return at once. */
  IMMEDIATE_EXIT(136),
  /** MSRs that describe features. */
  GET_MSR_FEATURES(153),
  /** State of nested virtualisation; the value is its size. */
  NESTED_STATE(157),
  /** Pending exceptions with their payload. */
  EXCEPTION_PAYLOAD(164),
  /** The dirty log is cleared on its own. */
  MANUAL_DIRTY_LOG_PROTECT2(168),
  /** How long a halted vCPU is polled. */
  HALT_POLL(182),
  /** Unknown MSRs handled by the VMM. */
  X86_USER_SPACE_MSR(188),
  /** Dirty pages reported by a ring; the value is its largest size in bytes. */
  DIRTY_LOG_RING(192),
  /** Special registers with the page-directory pointers. */
  SREGS2(200),
  /** The VMM is told what could not be emulated. */
  EXIT_ON_EMULATION_FAILURE(204),
  /** Extended processor state of any size; the value is the size. */
  XSAVE2(208),
  /** The frequency of the time stamp counter can be set for a VM. */
  VM_TSC_CONTROL(214),
  /** A pending triple fault is part of the events. */
  X86_TRIPLE_FAULT_EVENT(218),
  /** The dirty ring with ordered access; the value is its largest size in bytes. */
  DIRTY_LOG_RING_ACQ_REL(223);

  private final int number;

  Cap(int number) {
    this.number = number;
  }

  /**
   * The kernel's number.
   *
   * @return the number
   */
  public int number() {
    return number;
  }

  /**
   * The kernel's name.
   *
   * @return for instance {@code KVM_CAP_IRQCHIP}
   */
  public String kernelName() {
    return "KVM_CAP_" + name();
  }
}
