package dev.torpor.kvm;

/** Whether a vCPU runs or waits (section 4.38). */
public enum MpState {
  /** Runs. */
  RUNNABLE(0),
  /** An application processor that nobody has started. */
  UNINITIALIZED(1),
  /** Has received INIT and waits for a start-up interrupt. */
  INIT_RECEIVED(2),
  /** Halted until an interrupt. */
  HALTED(3),
  /** Has received a start-up interrupt. */
  SIPI_RECEIVED(4);

  private final int number;

  MpState(int number) {
    this.number = number;
  }

  /**
   * The kernel's number.
   *
   * @return from 0 to 4
   */
  public int number() {
    return number;
  }

  /**
   * Finds a state.
   *
   * @param number the kernel's number
   * @return the state
   * @throws IllegalStateException if there is no such number
   */
  public static MpState of(int number) {
    for (MpState state : values()) {
      if (state.number == number) {
        return state;
      }
    }
    throw new IllegalStateException("KVM reports an unknown state of a vCPU: " + number);
  }
}
