package dev.torpor.vmm.vm;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import java.util.List;

/**
 * The host's KVM, opened once for the process and asked once for what does not change: listing the
 * supported CPUID alone costs as much as creating a VM.
 */
final class HostKvm {
  private static HostKvm instance;

  private final Kvm kvm;
  private final List<CpuidEntry> supportedCpuid;

  private HostKvm(Kvm kvm) {
    this.kvm = kvm;
    this.supportedCpuid = kvm.supportedCpuid().entries();
  }

  /** The process's one; a failure to open it is not remembered. */
  static synchronized HostKvm get() {
    if (instance == null) {
      instance = new HostKvm(Kvm.open());
    }
    return instance;
  }

  Kvm kvm() {
    return kvm;
  }

  List<CpuidEntry> supportedCpuid() {
    return supportedCpuid;
  }
}
