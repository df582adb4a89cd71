package dev.torpor.vmm.checkpoint;

/** What a guest's clocks show after a restore: its TSC, its kvmclock, and what it derives. */
public enum GuestClock {
  /** They go on where they stood. The guest does not notice how long it was away. */
  CONTINUE,
  /**
   * They advance by the real time that has passed since the capture, as the host's wall clock tells
   * it; by nothing where that clock was set back meanwhile.
   */
  CATCH_UP
}
