package dev.torpor.benchmarks;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/** The distributions of several rounds; a figure is the median of the rounds' figures. */
final class Rounds {
  private final List<Distribution> rounds = new ArrayList<>();

  void add(Distribution round) {
    rounds.add(round);
  }

  long p50Nanos() {
    return median(Distribution::p50Nanos);
  }

  long p99Nanos() {
    return median(Distribution::p99Nanos);
  }

  private long median(ToLongFunction<Distribution> figure) {
    List<Long> sorted = rounds.stream().map(figure::applyAsLong).sorted().toList();
    return sorted.get(sorted.size() / 2);
  }
}
