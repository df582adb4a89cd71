package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;

/** Collects numbers until they are summarised. */
final class Samples {
  private static final int FIRST_ROOM = 1024;

  private long[] values = new long[FIRST_ROOM];
  private int count;

  void add(long value) {
    if (count == values.length) {
      values = Arrays.copyOf(values, 2 * count);
    }
    values[count++] = value;
  }

  void clear() {
    count = 0;
  }

  int count() {
    return count;
  }

  long sum() {
    return Arrays.stream(values, 0, count).sum();
  }

  /** Where less is better; there is at least one sample. */
  Figures figures(String unit) {
    long[] sorted = Arrays.copyOf(values, count);
    Arrays.sort(sorted);
    return new Figures(
        atRank(sorted, 50), atRank(sorted, 99), sorted[sorted.length - 1], sorted.length, unit);
  }

  /** The nearest rank: the smallest sample that at least so many in a hundred do not exceed. */
  private static long atRank(long[] sorted, int percent) {
    return sorted[Math.max(Math.ceilDiv(sorted.length * percent, 100), 1) - 1];
  }
}
