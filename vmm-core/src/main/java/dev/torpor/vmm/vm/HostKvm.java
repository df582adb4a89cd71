package dev.torpor.vmm.vm;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
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
      instance = open();
    }
    return instance;
  }

  private static HostKvm open() {
    Kvm kvm;
    try {
      kvm = Kvm.open();
    } catch (LinuxException e) {
      throw unusable(e);
    }
    try {
      return new HostKvm(kvm);
    } catch (RuntimeException e) {
      kvm.close();
      throw e;
    }
  }

  /** Says what a person can do about a KVM that does not open. */
  static IllegalStateException unusable(LinuxException failure) {
    String remedy =
        switch (failure.errno()) {
          case Errno.ENOENT, Errno.ENXIO ->
              "this host has no KVM, or its module is not loaded: modprobe kvm_intel or kvm_amd";
          case Errno.EACCES, Errno.EPERM -> "join the group that owns it, often 'kvm'";
          default -> "'torpor doctor' tells what this host offers";
        };
    return new IllegalStateException(
        "no VM without /dev/kvm: %s; %s".formatted(failure.getMessage(), remedy), failure);
  }

  Kvm kvm() {
    return kvm;
  }

  List<CpuidEntry> supportedCpuid() {
    return supportedCpuid;
  }
}
