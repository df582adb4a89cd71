package dev.torpor.benchmarks.report;

import java.util.Arrays;
import java.util.Objects;

/**
 * What one side's samples look like.
 *
 * <p>Of times and sizes less is better, and {@code p99} and {@code max} are the slow end. Of
 * throughputs more is better: {@code p99} is what 99 of 100 samples reach at least, and {@code max}
 * what the worst of them reaches.
 *
 * @param p50 the median, in {@code unit}; not negative, nor are the others
 * @param p99 the 99th percentile; of fewer than 100 samples, the worst one
 * @param max the worst sample
 * @param count how many samples; positive
 * @param unit of the three: {@link #NANOS}, {@link #BYTES}, {@link #THROUGHPUT}, or what else a
 *     person reads
 */
public record Figures(long p50, long p99, long max, int count, String unit) {
  /** Nanoseconds. */
  public static final String NANOS = "ns";

  /** Bytes. */
  public static final String BYTES = "bytes";

  /** Millions of bytes a second. */
  public static final String THROUGHPUT = "MB/s";

  /**
   * Checks the figures.
   *
   * @throws IllegalArgumentException if one of them is negative, there is no sample, or the unit is
   *     empty
   */
  public Figures {
    Objects.requireNonNull(unit, "unit");
    if (p50 < 0 || p99 < 0 || max < 0 || count <= 0 || unit.isBlank()) {
      throw new IllegalArgumentException(
          "figures must not be negative, and have samples and a unit: p50=%d p99=%d max=%d count=%d unit='%s'"
              .formatted(p50, p99, max, count, unit));
    }
  }

  /**
   * Durations.
   *
   * @param p50 the median in nanoseconds, positive
   * @param p99 the 99th percentile in nanoseconds
   * @param max the longest in nanoseconds
   * @param count how many samples
   * @return figures of them
   */
  public static Figures nanos(long p50, long p99, long max, int count) {
    return new Figures(p50, p99, max, count, NANOS);
  }

  /**
   * Durations.
   *
   * @param samplesNanos each of them, in any order; at least one
   * @return figures of them
   */
  public static Figures ofNanos(long... samplesNanos) {
    long[] sorted = samplesNanos.clone();
    Arrays.sort(sorted);
    return nanos(
        percentile(sorted, 50), percentile(sorted, 99), sorted[sorted.length - 1], sorted.length);
  }

  /** The nearest rank: the smallest sample that at least so many in a hundred do not exceed. */
  private static long percentile(long[] sorted, int percent) {
    return sorted[Math.ceilDiv(sorted.length * percent, 100) - 1];
  }

  /**
   * What the durations are as throughput.
   *
   * @param byteCount how many bytes each sample moved, positive
   * @return the same samples in {@link #THROUGHPUT}
   * @throws IllegalStateException if these are no durations
   */
  public Figures asThroughput(long byteCount) {
    if (!unit.equals(NANOS)) {
      throw new IllegalStateException("not a duration, but in " + unit);
    }
    return new Figures(
        perSecond(byteCount, p50),
        perSecond(byteCount, p99),
        perSecond(byteCount, max),
        count,
        THROUGHPUT);
  }

  private static long perSecond(long byteCount, long nanos) {
    return Math.round(1000.0 * byteCount / Math.max(nanos, 1));
  }

  /**
   * Tells which end of the scale is the good one.
   *
   * @return whether more is better
   */
  public boolean moreIsBetter() {
    return unit.endsWith("/s");
  }
}
