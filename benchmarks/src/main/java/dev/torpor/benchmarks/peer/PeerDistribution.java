package dev.torpor.benchmarks.peer;

import java.util.Arrays;

/**
 * What a set of samples looks like.
 *
 * @param count how many samples
 * @param p50Nanos the median
 * @param p99Nanos the 99th percentile: of fewer than 100 samples, the longest
 * @param maxNanos the longest
 */
public record PeerDistribution(int count, long p50Nanos, long p99Nanos, long maxNanos) {

  /** Summarises samples, of which there is at least one. */
  static PeerDistribution of(long... samplesNanos) {
    long[] sorted = samplesNanos.clone();
    Arrays.sort(sorted);
    return new PeerDistribution(
        sorted.length, percentile(sorted, 50), percentile(sorted, 99), sorted[sorted.length - 1]);
  }

  /** The nearest rank: the smallest sample that at least so many in a hundred do not exceed. */
  private static long percentile(long[] sorted, int percent) {
    return sorted[Math.ceilDiv(sorted.length * percent, 100) - 1];
  }
}
