package dev.torpor.vmm.vm;

import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.VcpuFd;

/** What firmware leaves in a vCPU that no boot protocol mentions, but every kernel relies on. */
final class PowerOn {
  private static final int MSR_MISC_ENABLE = 0x1a0;
  private static final long MISC_ENABLE_FAST_STRINGS = 1;
  private static final int MSR_MTRR_DEFAULT_TYPE = 0x2ff;
  private static final long MTRR_ENABLED_WRITE_BACK = 0x806;

  /** Local vector table: deliver as an external interrupt, or as a non-maskable one. */
  private static final int DELIVER_EXTERNAL = 0x700;

  private static final int DELIVER_NMI = 0x400;

  private PowerOn() {}

  /** Of a vCPU whose CPUID is set, with interrupt controllers in the kernel. */
  static void prepare(VcpuFd vcpu) {
    wireLocalApic(vcpu);
    setMsrs(vcpu);
  }

  /** The 8259A on LINT0, non-maskable interrupts on LINT1. */
  private static void wireLocalApic(VcpuFd vcpu) {
    Lapic lapic = new Lapic();
    vcpu.getLapic(lapic);
    lapic.set(Lapic.LVT_LINT0, DELIVER_EXTERNAL);
    lapic.set(Lapic.LVT_LINT1, DELIVER_NMI);
    vcpu.setLapic(lapic);
  }

  /** All memory cached. */
  private static void setMsrs(VcpuFd vcpu) {
    Msrs msrs = new Msrs(MSR_MISC_ENABLE, MSR_MTRR_DEFAULT_TYPE);
    msrs.setValue(0, MISC_ENABLE_FAST_STRINGS);
    msrs.setValue(1, MTRR_ENABLED_WRITE_BACK);
    vcpu.setMsrs(msrs);
  }
}
