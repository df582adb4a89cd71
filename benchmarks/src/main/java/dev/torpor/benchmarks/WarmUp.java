package dev.torpor.benchmarks;

/** When code that a JVM compiles as it runs has become as fast as it gets. */
final class WarmUp {
  /** A median has fallen if it is that much below the smallest so far. */
  private static final double FALLEN = 0.97;

  private static final int ROUNDS_WITHOUT_FALL = 2;
  private long smallest = Long.MAX_VALUE;
  private int withoutFall;

  /** Notes the median of one more round. */
  void add(long medianNanos) {
    boolean fallen = smallest == Long.MAX_VALUE || medianNanos < smallest * FALLEN;
    withoutFall = fallen ? 0 : withoutFall + 1;
    smallest = Math.min(smallest, medianNanos);
  }

  /** Whether the medians have stopped falling. */
  boolean isOver() {
    return withoutFall >= ROUNDS_WITHOUT_FALL;
  }
}
