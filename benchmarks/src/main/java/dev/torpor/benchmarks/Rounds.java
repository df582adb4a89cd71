package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

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

  /** Half the distance of the quartiles of the rounds' ratios to theirs, which took turns. */
  static double ratioSpread(Rounds ours, Rounds theirs) {
    long[] numerators = ours.medians();
    long[] denominators = theirs.medians();
    double[] ratios =
        IntStream.range(0, Math.min(numerators.length, denominators.length))
            .mapToDouble(i -> (double) numerators[i] / Math.max(denominators[i], 1))
            .toArray();
    return (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2;
  }

  /** Interpolated; the values get sorted. */
  private static double quantile(double[] values, double share) {
    Arrays.sort(values);
    double rank = share * (values.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, values.length - 1);
    return values[below] + (rank - below) * (values[above] - values[below]);
  }
}
