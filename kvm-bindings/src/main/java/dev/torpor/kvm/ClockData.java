package dev.torpor.kvm;

import static dev.torpor.kvm.abi.EventStructs.KVM_CLOCK_DATA;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

/** The clock that a VM's kvmclock reads (section 4.29). */
public final class ClockData extends KvmStruct {
  /** Read: all vCPUs share one reading of the host's time stamp counter. */
  public static final int TSC_STABLE = 1 << 1;

  /** The host's wall-clock time is part of it; to set: the clock advances by what has passed. */
  public static final int REALTIME = 1 << 2;

  /** The host's time stamp counter is part of it. */
  public static final int HOST_TSC = 1 << 3;

  private static final long FLAGS = offset(KVM_CLOCK_DATA, "flags");
  private static final long REALTIME_NANOS = offset(KVM_CLOCK_DATA, "realtime");

  /** All zero. */
  public ClockData() {
    super(KVM_CLOCK_DATA);
  }

  /**
   * The clock.
   *
   * @return nanoseconds since the VM was created, less what was set
   */
  public long nanos() {
    return segment().get(JAVA_LONG, 0);
  }

  /**
   * Sets the clock, in this structure.
   *
   * @param nanos nanoseconds
   */
  public void setNanos(long nanos) {
    segment().set(JAVA_LONG, 0, nanos);
  }

  /**
   * What else is valid.
   *
   * @return {@link #TSC_STABLE}, {@link #REALTIME}, {@link #HOST_TSC}
   */
  public int flags() {
    return segment().get(JAVA_INT, FLAGS);
  }

  /**
   * Sets what else is valid, in this structure.
   *
   * @param flags {@link #REALTIME} or 0
   */
  public void setFlags(int flags) {
    segment().set(JAVA_INT, FLAGS, flags);
  }

  /**
   * The host's wall-clock time at the reading.
   *
   * @return nanoseconds since 1970, where {@link #REALTIME} is set
   */
  public long realtimeNanos() {
    return segment().get(JAVA_LONG, REALTIME_NANOS);
  }
}
