package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.Kvm;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;

/**
 * Whether this host can give the vCPUs of a captured machine what they had. A guest that uses an
 * instruction or a register that is gone dies far from the cause, so the lack is named before
 * anything is built.
 */
public final class HostFit {
  private final Kvm kvm;
  private final List<CpuidEntry> supported;
  private final Supplier<VcpuProfile> profile;

  /**
   * Knows the host.
   *
   * @param kvm its KVM
   * @param supported the CPUID answers that it can give
   * @param profile asked what the state of such vCPUs consists of here, once CPUID fits
   */
  public HostFit(Kvm kvm, List<CpuidEntry> supported, Supplier<VcpuProfile> profile) {
    this.kvm = kvm;
    this.supported = supported;
    this.profile = profile;
  }

  /**
   * Refuses a state that does not fit.
   *
   * @param state the state of a machine
   * @throws IllegalArgumentException naming all that this host lacks
   */
  public void require(MachineState state) {
    Set<String> lacks = new TreeSet<>();
    for (VcpuState vcpu : state.vcpus()) {
      lacks.addAll(CpuidFeatures.missing(vcpu.cpuid(), supported, kvm));
    }
    if (lacks.isEmpty()) {
      state.vcpus().forEach(vcpu -> lacks.addAll(lackingState(vcpu)));
    }
    if (!lacks.isEmpty()) {
      throw new IllegalArgumentException(
          "this host cannot run the checkpoint of VM '%s': it lacks %s"
              .formatted(state.name(), String.join(", ", lacks)));
    }
  }

  private List<String> lackingState(VcpuState vcpu) {
    VcpuProfile here = profile.get();
    List<String> lacks = new ArrayList<>();
    if (vcpu.xsave().byteCount() > here.xsaveByteSize()) {
      lacks.add(
          "room for %d bytes of extended processor state (it has %d)"
              .formatted(vcpu.xsave().byteCount(), here.xsaveByteSize()));
    }
    if (vcpu.xcrs().byteCount() != 0 && !here.hasXcrs()) {
      lacks.add("XCR0");
    }
    if (vcpu.sregsHavePointers() && !here.sregsWithPointers()) {
      lacks.add("KVM_CAP_SREGS2");
    }
    if (vcpu.nested().byteCount() > here.nestedByteSize()) {
      lacks.add("nested virtualisation");
    }
    lacks.addAll(lackingMsrs(vcpu.msrs(), here));
    return lacks;
  }

  /** One that holds zero and is unknown here does not matter to a guest that has not set it. */
  private static List<String> lackingMsrs(List<MsrValue> msrs, VcpuProfile here) {
    return msrs.stream()
        .filter(msr -> msr.value() != 0 && !here.knows(msr.index()))
        .map(MsrValue::toString)
        .toList();
  }
}
