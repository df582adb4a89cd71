package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.CpuidEntry;
import java.util.List;

/**
 * What does not change while a machine lives.
 *
 * @param name for messages and states
 * @param platform which devices it has
 * @param memoryByteSize the size of its memory in bytes
 * @param diskIds the identities of its disks, as the guest sees them, in order
 * @param cpuids what CPUID answers each vCPU
 * @param tscKhz the frequency of its vCPUs' time stamp counters, in kHz
 */
public record MachineFacts(
    String name,
    PlatformKind platform,
    long memoryByteSize,
    List<String> diskIds,
    List<List<CpuidEntry>> cpuids,
    int tscKhz) {

  /** Copies the lists. */
  public MachineFacts {
    diskIds = List.copyOf(diskIds);
    cpuids = List.copyOf(cpuids);
  }

  /** Fails unless the state is one of a machine built alike; the name may differ. */
  void requireSameMachine(MachineState state) {
    require("platform", state.platform(), platform);
    require("memory size", state.memoryByteSize(), memoryByteSize);
    require("disks", state.diskIds(), diskIds);
    require("number of vCPUs", state.vcpuCount(), cpuids.size());
    for (int id = 0; id < cpuids.size(); id++) {
      if (!state.vcpus().get(id).cpuid().equals(cpuids.get(id))) {
        throw differs("CPUID of vCPU " + id, "one", "another");
      }
    }
  }

  private void require(String what, Object found, Object expected) {
    if (!found.equals(expected)) {
      throw differs(what, found, expected);
    }
  }

  private IllegalArgumentException differs(String what, Object found, Object expected) {
    return new IllegalArgumentException(
        "state of another machine than VM '%s': %s is %s, here %s"
            .formatted(name, what, found, expected));
  }
}
