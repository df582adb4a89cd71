package dev.torpor.vmm.checkpoint;

/** How far a guest's clocks advance at a restore. */
final class GuestTime {
  static final long NANOS_PER_MILLI = 1_000_000;

  private GuestTime() {}

  /** What the clocks advance by, in nanoseconds: never negative. */
  static long elapsedNanos(GuestClock clock, long capturedRealtimeNanos, long nowRealtimeNanos) {
    return switch (clock) {
      case CONTINUE -> 0;
      case CATCH_UP -> Math.max(0, nowRealtimeNanos - capturedRealtimeNanos);
    };
  }

  /** The time as cycles of a counter, without forming a product that may overflow. */
  static long cycles(long nanos, int kilohertz) {
    long millis = nanos / NANOS_PER_MILLI;
    long rest = nanos % NANOS_PER_MILLI;
    return millis * kilohertz + rest * kilohertz / NANOS_PER_MILLI;
  }

  /** Cycles of a counter as time: the reverse. */
  static long nanos(long cycles, long kilohertz) {
    return cycles / kilohertz * NANOS_PER_MILLI + cycles % kilohertz * NANOS_PER_MILLI / kilohertz;
  }
}
