package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.List;

/** A set of samples in nanoseconds, and what it looks like. */
final class Distribution {
  private final long[] samples;
  private final Figures figures;

  private Distribution(long[] samples) {
    this.samples = samples;
    this.figures = Figures.ofNanos(samples);
  }

  /** Summarises samples, of which there is at least one; they belong to it from now on. */
  static Distribution of(long[] samplesNanos) {
    return new Distribution(samplesNanos);
  }

  /** All the samples of several, at least one. */
  static Distribution pooled(List<Distribution> several) {
    return of(several.stream().flatMapToLong(one -> Arrays.stream(one.samples)).toArray());
  }

  /** How many samples. */
  int count() {
    return figures.count();
  }

  /** The median. */
  long p50Nanos() {
    return figures.p50();
  }

  /** The 99th percentile: of fewer than 100 samples, the longest. */
  long p99Nanos() {
    return figures.p99();
  }

  /** The longest. */
  long maxNanos() {
    return figures.max();
  }

  Figures figures() {
    return figures;
  }
}
