package dev.torpor.kvm;

/** Why KVM_RUN returned (section 5): the values of {@link VcpuRun#exitReason()} that x86 has. */
public final class ExitReason {
  /** The hardware gave a reason that KVM does not know. */
  public static final int UNKNOWN = 0;

  /** I/O ports were read or written. */
  public static final int IO = 2;

  /** The guest called the hypervisor. */
  public static final int HYPERCALL = 3;

  /** A debugger's event. */
  public static final int DEBUG = 4;

  /** The vCPU halted, without an interrupt controller in the kernel. */
  public static final int HLT = 5;

  /** Memory that is no RAM was read or written. */
  public static final int MMIO = 6;

  /** Interrupts may be injected now. */
  public static final int IRQ_WINDOW_OPEN = 7;

  /** The vCPU gave up: a triple fault. */
  public static final int SHUTDOWN = 8;

  /** The hardware refused to run the guest. */
  public static final int FAIL_ENTRY = 9;

  /** A signal came. */
  public static final int INTR = 10;

  /** KVM could not go on: it could not emulate an instruction, for instance. */
  public static final int INTERNAL_ERROR = 17;

  /** The guest wants to be reset or powered off. */
  public static final int SYSTEM_EVENT = 24;

  /** An interrupt of the I/O APIC was acknowledged. */
  public static final int IOAPIC_EOI = 26;

  /** An MSR was read that KVM does not know. */
  public static final int X86_RDMSR = 29;

  /** An MSR was written that KVM does not know. */
  public static final int X86_WRMSR = 30;

  /** The dirty ring is full, or nearly. */
  public static final int DIRTY_RING_FULL = 31;

  private ExitReason() {}
}
