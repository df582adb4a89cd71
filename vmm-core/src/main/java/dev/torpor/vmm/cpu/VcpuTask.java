package dev.torpor.vmm.cpu;

import dev.torpor.kvm.VcpuFd;

/** Something to be done with each vCPU of a paused VM, on the vCPU's own thread. */
@FunctionalInterface
public interface VcpuTask {
  /**
   * Does it. The vCPUs' calls run at the same time.
   *
   * @param vcpuId the vCPU's number
   * @param fd its descriptor, not to be kept
   */
  void run(int vcpuId, VcpuFd fd);
}
