package dev.torpor.benchmarks.cost;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Ticks at an even distance. A tick that is late does not move those after it, but is not made up.
 */
final class Pace {
  private final long intervalNanos;
  private final long startNanos;
  private long ticks;

  Pace(Duration interval) {
    intervalNanos = interval.toNanos();
    startNanos = System.nanoTime() - intervalNanos / 2;
  }

  /** Waits for the next tick, until a time at most; returns whether there was one. */
  boolean awaitTick(long endNanos) {
    long passed = (System.nanoTime() - startNanos) / intervalNanos;
    ticks = Math.max(ticks, passed) + 1;
    long due = startNanos + ticks * intervalNanos;
    long until = due - endNanos < 0 ? due : endNanos;
    for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
    return due - endNanos < 0;
  }
}
