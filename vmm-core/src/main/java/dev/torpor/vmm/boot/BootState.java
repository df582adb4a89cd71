package dev.torpor.vmm.boot;

import java.util.List;
import java.util.Optional;

/**
 * How a loaded guest begins.
 *
 * @param entries the registers of the vCPUs that run at once, from vCPU 0 on. Those beyond wait
 *     until the guest starts them (SIPI).
 */
public record BootState(List<VcpuEntry> entries) {
  /**
   * Keeps an immutable copy.
   *
   * @param entries the registers of the vCPUs that run at once
   */
  public BootState {
    entries = List.copyOf(entries);
  }

  /**
   * How a vCPU begins.
   *
   * @param vcpuIndex the vCPU, from 0
   * @return its registers; empty if it waits for the guest to start it
   */
  public Optional<VcpuEntry> entry(int vcpuIndex) {
    return vcpuIndex < entries.size() ? Optional.of(entries.get(vcpuIndex)) : Optional.empty();
  }
}
