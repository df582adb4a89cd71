package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.List;

/** What a set of samples looks like, in nanoseconds. */
final class Distribution {
  private final long[] sorted;

  private Distribution(long[] sorted) {
    this.sorted = sorted;
  }

  /** Summarises samples, of which there is at least one; they get sorted, and belong to it. */
  static Distribution of(long[] samplesNanos) {
    Arrays.sort(samplesNanos);
    return new Distribution(samplesNanos);
  }

  /** All the samples of several, at least one. */
  static Distribution pooled(List<Distribution> several) {
    return of(several.stream().flatMapToLong(one -> Arrays.stream(one.sorted)).toArray());
  }

  /** How many samples. */
  int count() {
    return sorted.length;
  }

  /** The median. */
  long p50Nanos() {
    return percentile(50);
  }

  /** The 99th percentile: of fewer than 100 samples, the longest. */
  long p99Nanos() {
    return percentile(99);
  }

  /** The longest. */
  long maxNanos() {
    return sorted[sorted.length - 1];
  }

  Figures figures() {
    return Figures.nanos(p50Nanos(), p99Nanos(), maxNanos(), count());
  }

  /** The nearest rank: the smallest sample that at least so many in a hundred do not exceed. */
  private long percentile(int percent) {
    int rank = Math.ceilDiv(sorted.length * percent, 100);
    return sorted[Math.max(rank, 1) - 1];
  }
}
