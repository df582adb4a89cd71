package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.kvm.Xcrs;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a vCPU's state consists of on this host, for one kind of guest CPU: found out once, on a
 * vCPU that never runs, because asking costs as much as creating a VM. Immutable.
 */
public final class VcpuProfile {
  private static final int LEAF_FEATURES = 1;
  private static final int VMX = 1 << 5;
  private static final int LEAF_EXTENDED_FEATURES = 0x80000001;
  private static final int SVM = 1 << 2;
  private static final int LEGACY_XSAVE_BYTES = 4096;

  private final boolean sregsWithPointers;
  private final int xsaveByteSize;
  private final boolean xcrs;
  private final boolean lapic;
  private final int nestedByteSize;
  private final boolean tscOffset;
  private final int[] msrIndices;
  private final Set<Integer> knownMsrs;

  private VcpuProfile(
      VmFd vm, VcpuFd vcpu, List<CpuidEntry> cpuid, boolean lapic, int[] msrIndices) {
    this.sregsWithPointers = vm.check(Cap.SREGS2) != 0;
    this.xsaveByteSize = Math.max(vm.check(Cap.XSAVE2), LEGACY_XSAVE_BYTES);
    this.xcrs = vm.check(Cap.XCRS) != 0 && hasHostXsave(vcpu);
    this.lapic = lapic;
    this.nestedByteSize = hasOwnVirtualisation(cpuid) ? vm.check(Cap.NESTED_STATE) : 0;
    this.tscOffset = tellsTscOffset(vcpu);
    this.msrIndices = msrIndices;
    this.knownMsrs = Arrays.stream(msrIndices).boxed().collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Finds it out, on a VM of its own.
   *
   * @param kvm the host's KVM
   * @param cpuid what CPUID answers the guest
   * @param interruptControllers whether the guest has them in the kernel
   * @return the profile, good for every vCPU of such guests
   * @throws KvmException if the host refuses the vCPU
   */
  public static VcpuProfile probe(Kvm kvm, List<CpuidEntry> cpuid, boolean interruptControllers) {
    try (VmFd vm = kvm.createVm()) {
      if (interruptControllers) {
        vm.createIrqChip();
      }
      try (VcpuFd vcpu = vm.createVcpu(0)) {
        // Since Linux 6.18 MSRs read as zero before.
        vcpu.setCpuid(Cpuid.of(cpuid));
        return new VcpuProfile(vm, vcpu, cpuid, interruptControllers, MsrCatalog.probe(kvm, vcpu));
      }
    }
  }

  private static boolean hasHostXsave(VcpuFd vcpu) {
    try {
      vcpu.getXcrs(new Xcrs());
      return true;
    } catch (KvmException e) {
      return false;
    }
  }

  private static boolean tellsTscOffset(VcpuFd vcpu) {
    try {
      vcpu.getAttribute(VcpuFd.ATTRIBUTES_TSC, VcpuFd.ATTRIBUTE_TSC_OFFSET);
      return true;
    } catch (KvmException e) {
      return false;
    }
  }

  private static boolean hasOwnVirtualisation(List<CpuidEntry> cpuid) {
    return cpuid.stream()
        .anyMatch(
            leaf ->
                (leaf.function() == LEAF_FEATURES && (leaf.ecx() & VMX) != 0)
                    || (leaf.function() == LEAF_EXTENDED_FEATURES && (leaf.ecx() & SVM) != 0));
  }

  /** Whether KVM hands over the page-directory pointers. */
  boolean sregsWithPointers() {
    return sregsWithPointers;
  }

  /** How much extended state there is, at least 4,096 bytes. */
  int xsaveByteSize() {
    return xsaveByteSize;
  }

  /** Whether the older request suffices for it. */
  boolean xsaveIsLegacy() {
    return xsaveByteSize == LEGACY_XSAVE_BYTES;
  }

  boolean hasXcrs() {
    return xcrs;
  }

  boolean hasLapic() {
    return lapic;
  }

  /** How large the state of nested virtualisation may be; 0 where the guest has none. */
  int nestedByteSize() {
    return nestedByteSize;
  }

  boolean tellsTscOffset() {
    return tscOffset;
  }

  boolean knows(int msrIndex) {
    return knownMsrs.contains(msrIndex);
  }

  /** In the order in which they are to be set. The array is not to be changed. */
  int[] msrIndices() {
    return msrIndices;
  }
}
