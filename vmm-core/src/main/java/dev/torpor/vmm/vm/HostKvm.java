package dev.torpor.vmm.vm;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.checkpoint.HostFit;
import dev.torpor.vmm.checkpoint.VcpuProfile;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The host's KVM, opened once for the process and asked once for what does not change: listing the
 * supported CPUID alone costs as much as creating a VM.
 */
final class HostKvm {
  private static HostKvm instance;

  private record GuestKind(List<CpuidEntry> cpuid, boolean interruptControllers) {}

  private final Kvm kvm;
  private final Map<GuestKind, VcpuProfile> profiles = new ConcurrentHashMap<>();
  private final List<CpuidEntry> supportedCpuid;

  /** 0 until a vCPU was asked. */
  private volatile int tscKhz;

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
    } catch (RuntimeException | Error e) {
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

  /** The frequency of the time stamp counter that every new vCPU has; a vCPU is asked once. */
  int tscKhz(VcpuFd vcpu) {
    int known = tscKhz;
    if (known == 0) {
      known = vcpu.tscKhz();
      tscKhz = known;
    }
    return known;
  }

  /** What the vCPUs' state consists of; {@code cpuid} is that of the first. */
  VcpuProfile profile(List<CpuidEntry> cpuid, boolean interruptControllers) {
    return profiles.computeIfAbsent(
        new GuestKind(cpuid, interruptControllers),
        kind -> VcpuProfile.probe(kvm, cpuid, interruptControllers));
  }

  /** What tells whether a state can be restored here; {@code cpuid} is that of the first vCPU. */
  HostFit fit(List<CpuidEntry> cpuid, boolean interruptControllers) {
    return new HostFit(kvm, supportedCpuid, () -> profile(cpuid, interruptControllers));
  }
}
