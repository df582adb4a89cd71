package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.io.IOException;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * One operation, measured of Torpor and of its C program in alternating rounds, in several sweeps.
 * Each sweep prepares both sides anew, so that a figure does not hang on where one of them happened
 * to get its memory.
 */
final class Comparison {
  private static final CompilationMXBean COMPILER = ManagementFactory.getCompilationMXBean();

  private final Operation operation;
  private final Path home;
  private final Path folder;
  private final Pace pace;
  private final Turns turns = new Turns();
  private final Map<String, Rounds> alongside = new TreeMap<>();
  private final List<Row> afterwards = new ArrayList<>();
  private List<Note> notes = List.of();
  private OptionalLong bytesPerSample = OptionalLong.empty();
  private int samples;

  /** Measures nothing yet. */
  Comparison(Operation operation, Path home, Path folder, Pace pace) {
    this.operation = operation;
    this.home = home;
    this.folder = folder;
    this.pace = pace;
  }

  Operation operation() {
    return operation;
  }

  /**
   * Goes over it once more.
   *
   * @param rounds how many of each side
   * @param last whether to measure as well what is measured once
   */
  void sweep(int rounds, boolean last, Progress progress) throws IOException, InterruptedException {
    try (Benchmark benchmark = operation.prepare(folder);
        Yardstick yardstick = Yardstick.start(home, benchmark.yardstick().in(folder))) {
      progress.detail(operation.label() + ": warming up");
      warmUp(benchmark, yardstick);
      benchmark.forget();
      for (int i = 0; i < rounds; i++) {
        progress.detail("%s: round %d of %d".formatted(operation.label(), i + 1, rounds));
        Distribution ours = benchmark.measure(samples);
        turns.add(ours, yardstick.measure(samples));
      }
      keep(benchmark, last);
    }
  }

  /** The first sweep's takes as long as the JVM gets faster; later ones only get the host warm. */
  private void warmUp(Benchmark benchmark, Yardstick yardstick)
      throws IOException, InterruptedException {
    if (samples == 0) {
      samples = warmUp(benchmark);
      long before = System.nanoTime();
      yardstick.measure(samples);
      long nanos = System.nanoTime() - before;
      samples = Math.min(samples, pace.samplesPerRound(operation, samples, nanos));
    } else {
      benchmark.measure(samples);
      yardstick.measure(samples);
    }
  }

  /** Runs Torpor's code, and tells how many samples fit into a round now. */
  private int warmUp(Benchmark benchmark) throws InterruptedException {
    WarmUp warmUp = new WarmUp();
    int count = Pace.firstSamples(operation);
    long start = System.nanoTime();
    long end;
    do {
      long before = System.nanoTime();
      long compiledMillis = COMPILER.getTotalCompilationTime();
      long median = benchmark.measure(count).p50Nanos();
      end = System.nanoTime();
      compiledMillis = COMPILER.getTotalCompilationTime() - compiledMillis;
      warmUp.add(median, (double) TimeUnit.MILLISECONDS.toNanos(compiledMillis) / (end - before));
      count = pace.samplesPerRound(operation, count, end - before);
    } while (!pace.isWarm(end - start, warmUp.isOver()));
    return count;
  }

  private void keep(Benchmark benchmark, boolean last) throws InterruptedException {
    benchmark
        .alongside()
        .forEach(
            (name, rounds) -> alongside.computeIfAbsent(name, _ -> new Rounds()).addAll(rounds));
    bytesPerSample = benchmark.bytesPerSample();
    notes = benchmark.notes();
    if (last) {
      afterwards.addAll(benchmark.afterwards());
    }
  }

  /** What was found out, after one sweep or more. */
  List<Row> rows() {
    List<Row> rows = new ArrayList<>();
    rows.add(
        new Row(
            operation.subject().operation(),
            operation.subject().parameters(),
            inUnit(turns.ours()),
            Optional.of(inUnit(turns.theirs())),
            Optional.empty(),
            OptionalDouble.of(spread())));
    alongside.forEach(
        (name, rounds) ->
            rows.add(Row.ofTorpor(name, operation.subject().parameters(), rounds.figures())));
    rows.addAll(afterwards);
    return rows;
  }

  /** Of throughputs it is the other way round. */
  private double spread() {
    return (bytesPerSample.isPresent() ? turns.swapped() : turns).ratioSpread();
  }

  private Figures inUnit(Figures nanos) {
    return bytesPerSample.isPresent() ? nanos.asThroughput(bytesPerSample.getAsLong()) : nanos;
  }

  /** What there is to tell beside the rows. */
  List<Note> notes() {
    return notes;
  }
}
