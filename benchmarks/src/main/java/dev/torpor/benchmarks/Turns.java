package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/**
 * Rounds of two sides that took turns, in pairs: what the host did meanwhile it did to both of a
 * pair. So a pair's ratio says more than what either side took, and the pairs whose ratios are in
 * the middle half are those that count: either side's median is the mean of its medians there. The
 * tails are those of all samples.
 */
final class Turns {
  private record Pair(Distribution ours, Distribution theirs) {
    double ratio() {
      return (double) ours.p50Nanos() / Math.max(theirs.p50Nanos(), 1);
    }
  }

  private final List<Pair> pairs = new ArrayList<>();

  /** Adds a round of each, taken one after the other. */
  void add(Distribution ours, Distribution theirs) {
    pairs.add(new Pair(ours, theirs));
  }

  /** Needs at least one pair. */
  Figures ours() {
    return figures(Pair::ours);
  }

  /** Needs at least one pair. */
  Figures theirs() {
    return figures(Pair::theirs);
  }

  /** The same with the sides changed. */
  Turns swapped() {
    Turns swapped = new Turns();
    pairs.forEach(pair -> swapped.add(pair.theirs, pair.ours));
    return swapped;
  }

  /** Half the distance of the quartiles of the pairs' ratios, ours to theirs. */
  double ratioSpread() {
    double[] ratios = pairs.stream().mapToDouble(Pair::ratio).sorted().toArray();
    return (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2;
  }

  private Figures figures(Function<Pair, Distribution> side) {
    double p50 =
        middle().stream().map(side).mapToLong(Distribution::p50Nanos).average().orElseThrow();
    Distribution all = Distribution.pooled(pairs.stream().map(side).toList());
    return Figures.nanos(Math.round(p50), all.p99Nanos(), all.maxNanos(), all.count());
  }

  /** Without the quarter with the least ratios and that with the greatest. */
  private List<Pair> middle() {
    int left = pairs.size() / 4;
    return pairs.stream()
        .sorted(Comparator.comparingDouble(Pair::ratio))
        .toList()
        .subList(left, pairs.size() - left);
  }

  /** Interpolated, of values that are sorted. */
  private static double quantile(double[] values, double share) {
    double rank = share * (values.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, values.length - 1);
    return values[below] + (rank - below) * (values[above] - values[below]);
  }
}
