package dev.torpor.vmm.cpu;

import dev.torpor.kvm.VcpuFd;

/**
 * Something to be done with each vCPU that is out of the guest, on the vCPU's own thread: of a
 * paused VM, or, after {@link VcpuGroup#prepare}, of one whose other vCPUs have yet to stop.
 */
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
