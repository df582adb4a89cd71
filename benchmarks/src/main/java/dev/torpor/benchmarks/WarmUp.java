package dev.torpor.benchmarks;

/** When code that a JVM compiles as it runs has become as fast as it gets. */
final class WarmUp {
  /** A median has fallen if it is that much below the smallest so far. */
  private static final double FALLEN = 0.97;

  /** A compiler that takes more of a round has one of few processors too often. */
  private static final double LITTLE_COMPILING = 0.05;

  private static final int QUIET_ROUNDS = 3;
  private long smallest = Long.MAX_VALUE;
  private int quietRounds;

  /**
   * Notes one more round.
   *
   * @param medianNanos its median
   * @param compiling for which part of it the JVM has compiled
   */
  void add(long medianNanos, double compiling) {
    boolean fallen = smallest == Long.MAX_VALUE || medianNanos < smallest * FALLEN;
    quietRounds = fallen || compiling > LITTLE_COMPILING ? 0 : quietRounds + 1;
    smallest = Math.min(smallest, medianNanos);
  }

  /** Whether the medians have stopped falling, and the compiler rests. */
  boolean isOver() {
    return quietRounds >= QUIET_ROUNDS;
  }
}
