package dev.torpor.vmm.checkpoint;

/**
 * A machine's state in the structures that KVM takes, made once for any number of machines that
 * take it up. For one thread at a time.
 */
public final class PreparedState {
  private final MachineState state;
  private final VcpuRestore vcpus;

  PreparedState(MachineState state, VcpuRestore vcpus) {
    this.state = state;
    this.vcpus = vcpus;
  }

  MachineState state() {
    return state;
  }

  VcpuRestore vcpus() {
    return vcpus;
  }
}
