package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.LongStream;

/**
 * What a JVM tells that has measured faults with one collector.
 *
 * @param idle faults while nothing else is done
 * @param beside faults beside a thread that allocates
 * @param bytesPerSecond how much that has allocated
 * @param warmMillis when measuring began, since the start of the JVM
 */
record CollectorResult(Figures idle, Figures beside, long bytesPerSecond, long warmMillis) {
  private static final String MARK = "faults-beside-garbage";
  private static final int FIGURES = 4;

  /** One line, for {@link #parse}. */
  String line() {
    LongStream all =
        LongStream.concat(
            LongStream.concat(values(idle), values(beside)),
            LongStream.of(bytesPerSecond, warmMillis));
    return MARK + " " + all.mapToObj(Long::toString).collect(Collectors.joining(" "));
  }

  private static LongStream values(Figures figures) {
    return LongStream.of(figures.p50(), figures.p99(), figures.max(), figures.count());
  }

  /**
   * Finds the line in what a JVM has printed.
   *
   * @throws IllegalArgumentException if it is not there: quotes all of it
   */
  static CollectorResult parse(String printed) {
    String line =
        printed
            .lines()
            .filter(one -> one.startsWith(MARK))
            .findFirst()
            .orElseThrow(
                () -> new IllegalArgumentException("a JVM printed no result, but:\n" + printed));
    long[] values = Arrays.stream(line.split(" ")).skip(1).mapToLong(Long::parseLong).toArray();
    return new CollectorResult(
        figures(values, 0), figures(values, FIGURES), values[2 * FIGURES], values[2 * FIGURES + 1]);
  }

  private static Figures figures(long[] values, int at) {
    return Figures.nanos(
        values[at], values[at + 1], values[at + 2], Math.toIntExact(values[at + 3]));
  }
}
