package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The distributions of several rounds.
 *
 * <p>The median is the mean of the middle half of the rounds' medians: a round that was disturbed
 * does not count, and where rounds are of two kinds, as chance has put threads on cores, it does
 * not jump from one to the other as a median would. The tail is that of all samples together: a
 * round has too few to have one.
 */
final class Rounds {
  private final List<Distribution> rounds = new ArrayList<>();

  void add(Distribution round) {
    rounds.add(round);
  }

  void addAll(Rounds others) {
    rounds.addAll(others.rounds);
  }

  void clear() {
    rounds.clear();
  }

  /** The rounds' medians, in their order. */
  long[] medians() {
    return rounds.stream().mapToLong(Distribution::p50Nanos).toArray();
  }

  long p50Nanos() {
    long[] sorted = medians();
    Arrays.sort(sorted);
    int left = sorted.length / 4;
    return Math.round(
        Arrays.stream(sorted, left, sorted.length - left).asDoubleStream().average().orElseThrow());
  }

  /** Needs at least one round. */
  Figures figures() {
    Distribution all = Distribution.pooled(rounds);
    return Figures.nanos(p50Nanos(), all.p99Nanos(), all.maxNanos(), all.count());
  }
}
