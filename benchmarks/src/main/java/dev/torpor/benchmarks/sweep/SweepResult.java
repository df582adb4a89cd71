package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Stream;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.util.Statistics;

/**
 * One point of a sweep.
 *
 * @param row the times
 * @param allocatedBytes what each operation allocated on Java's heap, where that is known
 */
public record SweepResult(Row row, OptionalDouble allocatedBytes) {
  private static final String ALLOCATED_PER_OPERATION = "gc.alloc.rate.norm";
  private static final double NANOS_PER_MICRO = 1e3;

  /** What a run tells of an operation: as recorded, or if it was not, as JMH has measured it. */
  static SweepResult of(String operation, Trial trial, RunResult run) {
    Result<?> recorded = run.getSecondaryResults().get(operation);
    Figures figures =
        recorded == null
            ? figures(run.getPrimaryResult().getStatistics(), NANOS_PER_MICRO)
            : figures(recorded.getStatistics(), 1);
    return new SweepResult(
        Row.ofTorpor(operation, trial.described(), figures), allocatedBytes(run));
  }

  private static Figures figures(Statistics times, double unitNanos) {
    return Figures.nanos(
        Math.round(times.getPercentile(50) * unitNanos),
        Math.round(times.getPercentile(99) * unitNanos),
        Math.round(times.getMax() * unitNanos),
        Math.toIntExact(times.getN()));
  }

  /** On the one thread that matters, or else in the whole JVM, JMH and preparations included. */
  private static OptionalDouble allocatedBytes(RunResult run) {
    return Stream.of(Recorder.ALLOCATED, ALLOCATED_PER_OPERATION)
        .filter(run.getSecondaryResults()::containsKey)
        .mapToDouble(label -> run.getSecondaryResults().get(label).getScore())
        .findFirst();
  }

  /**
   * What each operation allocated, for people and files.
   *
   * @return empty if that is not known
   */
  public Optional<Note> allocation() {
    if (allocatedBytes.isEmpty()) {
      return Optional.empty();
    }
    String name = (row.operation() + " " + row.parametersText()).strip() + ": allocated";
    return Optional.of(new Note(name, allocatedBytes.getAsDouble(), "bytes"));
  }
}
