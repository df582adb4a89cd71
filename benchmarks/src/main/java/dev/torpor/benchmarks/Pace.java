package dev.torpor.benchmarks;

import java.time.Duration;

/**
 * How much time a run takes for what.
 *
 * @param sweeps how often all operations are gone over: what drifts in the host hits all alike
 * @param roundsPerSweep how many rounds an operation has each time, for each side
 * @param mostWarmUpRounds the most that Torpor's code gets before the first sweep
 * @param roundTime how long one round of one side shall take at most: a slower host takes fewer
 *     samples
 * @param deadline after which no operation gets another sweep
 */
record Pace(
    int sweeps, int roundsPerSweep, int mostWarmUpRounds, Duration roundTime, Duration deadline) {
  private static final int SWEEPS = 3;
  private static final int FEWEST_SAMPLES = 3;
  private static final int QUICK_ROUNDS = 4;

  /** The headline table in less than five minutes. */
  static final Pace QUICK =
      new Pace(SWEEPS, QUICK_ROUNDS, 8, Duration.ofMillis(350), Duration.ofMinutes(4));

  /** So many rounds of every operation, however long that takes. */
  static Pace full(int rounds) {
    int sweeps = Math.min(SWEEPS, rounds);
    return new Pace(
        sweeps, Math.ceilDiv(rounds, sweeps), 10, Duration.ofDays(1), Duration.ofDays(1));
  }

  /** How many samples fit into a round, if so many took that long. */
  int samplesPerRound(Operation operation, int sampled, long nanos) {
    long fitting = roundTime.toNanos() / Math.max(nanos / sampled, 1);
    return Math.clamp(fitting, Math.min(FEWEST_SAMPLES, most(operation)), most(operation));
  }

  private static int most(Operation operation) {
    return operation.samplesPerRound();
  }

  /** How many samples to begin with, to see how long they take. */
  int firstSamples(Operation operation) {
    return Math.clamp(operation.samplesPerRound() / 10, 1, operation.samplesPerRound());
  }
}
