package dev.torpor.benchmarks;

import java.util.Arrays;

/**
 * What a set of samples looks like.
 *
 * @param count how many samples
 * @param p50Nanos the median
 * @param p99Nanos the 99th percentile
 */
record Distribution(int count, long p50Nanos, long p99Nanos) {

  /** Summarises samples, of which there is at least one; they get sorted. */
  static Distribution of(long[] samplesNanos) {
    Arrays.sort(samplesNanos);
    return new Distribution(
        samplesNanos.length, percentile(samplesNanos, 50), percentile(samplesNanos, 99));
  }

  /** The nearest rank: the smallest sample that at least so many in a hundred do not exceed. */
  private static long percentile(long[] sorted, int percent) {
    int rank = Math.ceilDiv(sorted.length * percent, 100);
    return sorted[Math.max(rank, 1) - 1];
  }
}
