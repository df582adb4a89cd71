package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The distributions of several rounds.
 *
 * <p>The median is that of the rounds' medians, so a round that was disturbed does not count for
 * more than another. The tail is that of all samples together: a round has too few to have one.
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

  boolean isEmpty() {
    return rounds.isEmpty();
  }

  /** The rounds' medians, in their order. */
  long[] medians() {
    return rounds.stream().mapToLong(Distribution::p50Nanos).toArray();
  }

  long p50Nanos() {
    return Math.round(quantile(Arrays.stream(medians()).asDoubleStream().toArray(), 0.5));
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
