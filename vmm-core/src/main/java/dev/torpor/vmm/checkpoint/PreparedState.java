package dev.torpor.vmm.checkpoint;

/**
 * A machine's state in the structures that KVM takes, made once for any number of machines that
 * take it up. For one thread at a time.
 */
public final class PreparedState {
  private final MachineState state;
  private final VcpuRestore vcpus;

  private PreparedState(MachineState state, VcpuRestore vcpus) {
    this.state = state;
    this.vcpus = vcpus;
  }

  /**
   * Prepares a state.
   *
   * @param state the state
   * @param profile what the state of such vCPUs consists of on this host
   * @return the same for {@link MachineRecorder#restore}
   * @throws IllegalArgumentException if a part has not the size that the kernel takes
   */
  public static PreparedState of(MachineState state, VcpuProfile profile) {
    return of(state, profile, VcpuRestore.XsaveOrder.XCRS_FIRST);
  }

  static PreparedState of(MachineState state, VcpuProfile profile, VcpuRestore.XsaveOrder order) {
    return new PreparedState(state, new VcpuRestore(state.vcpus(), profile, order));
  }

  MachineState state() {
    return state;
  }

  VcpuRestore vcpus() {
    return vcpus;
  }
}
