package dev.torpor.benchmarks;

import java.time.Duration;

/**
 * How much time a run takes for what.
 *
 * @param sweeps how often all operations are gone over: what drifts in the host hits all alike
 * @param roundsPerSweep how many rounds an operation has each time, for each side
 * @param leastWarmUp how long Torpor's code runs at least before its first sweep
 * @param mostWarmUp how long at most, while it still gets faster
 * @param roundTime how long one round of one side shall take at most: a slower host takes fewer
 *     samples
 * @param deadline after which no operation gets another sweep
 */
record Pace(
    int sweeps,
    int roundsPerSweep,
    Duration leastWarmUp,
    Duration mostWarmUp,
    Duration roundTime,
    Duration deadline) {
  private static final int SWEEPS = 3;
  private static final int FEWEST_SAMPLES = 3;
  private static final int QUICK_SWEEPS = 3;
  private static final int QUICK_ROUNDS = 8;
  private static final Duration UNLIMITED = Duration.ofDays(1);

  /** The headline table in less than five minutes. */
  static final Pace QUICK =
      new Pace(
          QUICK_SWEEPS,
          QUICK_ROUNDS,
          Duration.ofSeconds(8),
          Duration.ofSeconds(20),
          Duration.ofMillis(300),
          Duration.ofSeconds(260));

  /** The same under emulation, where all takes ten times as long: one sweep, and sooner warm. */
  static final Pace QUICK_IN_LAB =
      new Pace(
          1,
          QUICK_ROUNDS,
          Duration.ofSeconds(4),
          Duration.ofSeconds(12),
          Duration.ofMillis(300),
          UNLIMITED);

  /** So many rounds of every operation, however long that takes. */
  static Pace full(int rounds) {
    int sweeps = Math.min(SWEEPS, rounds);
    return new Pace(
        sweeps,
        Math.ceilDiv(rounds, sweeps),
        Duration.ofSeconds(3),
        Duration.ofSeconds(30),
        UNLIMITED,
        UNLIMITED);
  }

  /** How many samples fit into a round, if so many took that long. */
  int samplesPerRound(Operation operation, int sampled, long nanos) {
    int most = operation.samplesPerRound();
    long fitting = roundTime.toNanos() / Math.max(nanos / sampled, 1);
    return Math.clamp(fitting, Math.min(FEWEST_SAMPLES, most), most);
  }

  /** How many samples to begin with, to see how long they take. */
  static int firstSamples(Operation operation) {
    return Math.ceilDiv(operation.samplesPerRound(), 10);
  }

  /** Whether code that has run for so long has had enough. */
  boolean isWarm(long nanos, boolean stoppedFalling) {
    return nanos >= (stoppedFalling ? leastWarmUp : mostWarmUp).toNanos();
  }
}
