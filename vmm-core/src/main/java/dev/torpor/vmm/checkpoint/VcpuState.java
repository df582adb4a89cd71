package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.MpState;
import dev.torpor.vmm.device.StateBytes;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * All of a vCPU at one instant. Structures are kept as the kernel lays them out.
 *
 * @param cpuid what CPUID answers it, fixed since its creation
 * @param tscKhz the frequency of its time stamp counter, in kHz
 * @param tscOffset its counter's offset from the host's, where KVM tells it: for the differences
 *     between the vCPUs of one machine
 * @param mpState whether it runs or waits
 * @param regs the general-purpose registers
 * @param sregs the special registers
 * @param sregsHavePointers whether these hold the page-directory pointers too (KVM_CAP_SREGS2)
 * @param xsave the extended state, 4,096 bytes or more
 * @param xcrs the extended control registers; empty on a processor without XSAVE
 * @param debugRegs the debug registers
 * @param msrs the model-specific registers, in the order in which they are to be set
 * @param lapic the local APIC; empty without interrupt controllers in the kernel
 * @param nested the state of its own virtualisation; empty where the guest has none
 * @param events what is pending
 */
public record VcpuState(
    List<CpuidEntry> cpuid,
    int tscKhz,
    OptionalLong tscOffset,
    MpState mpState,
    StateBytes regs,
    StateBytes sregs,
    boolean sregsHavePointers,
    StateBytes xsave,
    StateBytes xcrs,
    StateBytes debugRegs,
    List<MsrValue> msrs,
    StateBytes lapic,
    StateBytes nested,
    StateBytes events) {

  private static final int MSR_TSC = 0x10;

  /**
   * Copies the lists, and checks what the restore relies on.
   *
   * @throws IllegalArgumentException if the time stamp counter or its frequency is not there
   */
  public VcpuState {
    cpuid = List.copyOf(cpuid);
    msrs = List.copyOf(msrs);
    Objects.requireNonNull(mpState, "mpState");
    if (tscKhz <= 0 || msrs.stream().noneMatch(msr -> msr.index() == MSR_TSC)) {
      throw new IllegalArgumentException(
          "state of a vCPU without time stamp counter: %d kHz, %d MSRs"
              .formatted(tscKhz, msrs.size()));
    }
  }
}
