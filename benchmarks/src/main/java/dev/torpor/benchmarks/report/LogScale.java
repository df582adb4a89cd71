package dev.torpor.benchmarks.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.DoubleStream;

/** Where a value lies on a logarithmic axis, and which values are labelled. */
final class LogScale {
  private static final double MARGIN = 1.15;
  private static final double NARROW = 60;
  private static final double[] STEPS = {1, 2, 5};

  private final double lowest;
  private final double highest;
  private final double from;
  private final double to;

  /**
   * An axis.
   *
   * @param values that lie on it; those that are not positive are taken for 1, which has a
   *     logarithm
   * @param from the coordinate of its low end
   * @param to the coordinate of its high end
   */
  LogScale(DoubleStream values, double from, double to) {
    double[] sorted = values.map(LogScale::positive).sorted().toArray();
    lowest = sorted.length == 0 ? 1 : sorted[0] / MARGIN;
    highest = sorted.length == 0 ? 10 : sorted[sorted.length - 1] * MARGIN;
    this.from = from;
    this.to = to;
  }

  private static double positive(double value) {
    return Math.max(value, 1);
  }

  double at(double value) {
    double share = Math.log(positive(value) / lowest) / Math.log(highest / lowest);
    return from + share * (to - from);
  }

  double at(long value) {
    return at((double) value);
  }

  /** A coordinate as SVG has it. */
  static String number(double coordinate) {
    return String.format(Locale.ROOT, "%.1f", coordinate);
  }

  /** Round numbers on the axis, few enough to be labelled. */
  List<Double> ticks() {
    List<Double> ticks = new ArrayList<>();
    for (double decade = Math.pow(10, Math.floor(Math.log10(lowest)));
        decade <= highest;
        decade *= 10) {
      for (double step : STEPS) {
        double tick = decade * step;
        if (tick >= lowest && tick <= highest && (step == 1 || highest / lowest < NARROW)) {
          ticks.add(tick);
        }
      }
    }
    return ticks;
  }
}
