package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.VcpuFd;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The frequency of a vCPU's time stamp counter, which a guest measures once and relies on. */
public final class TscFrequency {
  /** What clocks drift apart by anyway, and NTP corrects: parts per million. */
  private static final int TOLERATED_PPM = 250;

  private static final Logger LOG = LoggerFactory.getLogger(TscFrequency.class);

  private TscFrequency() {}

  /**
   * Gives a vCPU a frequency, where the host can; where it cannot, a difference too small to matter
   * is accepted.
   *
   * @param kvm the host's KVM
   * @param vcpu a vCPU that has not run
   * @param own the frequency that it has by itself
   * @param kilohertz the frequency that its guest knows, positive
   * @return the frequency that it has now
   * @throws IllegalArgumentException if the host's differs too much and cannot be scaled
   * @throws KvmException if the host refuses the frequency
   */
  public static int adopt(Kvm kvm, VcpuFd vcpu, int own, int kilohertz) {
    if (own == kilohertz) {
      return own;
    }
    if (kvm.check(Cap.TSC_CONTROL) != 0) {
      vcpu.setTscKhz(kilohertz);
      return kilohertz;
    }
    requireTolerable(own, kilohertz);
    return own;
  }

  static void requireTolerable(int hostKhz, int kilohertz) {
    long difference = Math.abs((long) hostKhz - kilohertz);
    if (difference * 1_000_000 > (long) TOLERATED_PPM * kilohertz) {
      throw new IllegalArgumentException(
          ("this host cannot continue the checkpoint: its time stamp counter has %d kHz, the guest"
                  + " relies on %d, and this processor cannot scale it")
              .formatted(hostKhz, kilohertz));
    }
    LOG.warn(
        "the time stamp counter has {} kHz here, {} where the guest was captured: its clock will"
            + " drift by as much",
        hostKhz,
        kilohertz);
  }
}
