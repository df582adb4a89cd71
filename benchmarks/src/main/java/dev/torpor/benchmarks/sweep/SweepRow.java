package dev.torpor.benchmarks.sweep;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.Collectors;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.util.Statistics;

/**
 * One point of a sweep.
 *
 * @param operation what was measured
 * @param parameters of what, in the order of their names
 * @param samples how often
 * @param p50Nanos the median
 * @param p99Nanos the 99th percentile
 * @param maxNanos the longest
 * @param allocatedBytes what each allocated on Java's heap, where that is known
 */
record SweepRow(
    String operation,
    Map<String, String> parameters,
    long samples,
    double p50Nanos,
    double p99Nanos,
    double maxNanos,
    OptionalDouble allocatedBytes) {
  private static final String ALLOCATED_PER_OPERATION = "gc.alloc.rate.norm";

  static final String HEADER =
      "%-14s %-64s %8s %12s %12s %12s %14s"
          .formatted("operation", "parameters", "samples", "p50", "p99", "max", "allocated");

  /** What a run tells of an operation: as recorded, or if it was not, as JMH has measured it. */
  static SweepRow of(String operation, Map<String, String> parameters, RunResult run) {
    Result<?> timed = run.getSecondaryResults().get(operation);
    Statistics times = (timed == null ? run.getPrimaryResult() : timed).getStatistics();
    double nanos = timed == null ? 1e3 : 1; // every sweep has JMH report in microseconds
    return new SweepRow(
        operation,
        parameters,
        times.getN(),
        times.getPercentile(50) * nanos,
        times.getPercentile(99) * nanos,
        times.getMax() * nanos,
        allocated(run));
  }

  /** On the one thread that matters, or else in the whole JVM, JMH included. */
  private static OptionalDouble allocated(RunResult run) {
    return List.of(Recorder.ALLOCATED, ALLOCATED_PER_OPERATION).stream()
        .filter(run.getSecondaryResults()::containsKey)
        .mapToDouble(label -> run.getSecondaryResults().get(label).getScore())
        .findFirst();
  }

  String text() {
    String named =
        parameters.entrySet().stream()
            .map(parameter -> parameter.getKey() + "=" + parameter.getValue())
            .collect(Collectors.joining(" "));
    return String.format(
        Locale.ROOT,
        "%-14s %-64s %,8d %9.1f µs %9.1f µs %9.1f µs %14s",
        operation,
        named,
        samples,
        p50Nanos / 1e3,
        p99Nanos / 1e3,
        maxNanos / 1e3,
        allocatedBytes.isPresent()
            ? String.format(Locale.ROOT, "%,.1f B", allocatedBytes.getAsDouble())
            : "-");
  }
}
