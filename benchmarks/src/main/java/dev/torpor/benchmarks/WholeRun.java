package dev.torpor.benchmarks;

import dev.torpor.benchmarks.cost.CostOverTime;
import dev.torpor.benchmarks.cost.Outcome;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import dev.torpor.benchmarks.sweep.Collectors;
import dev.torpor.benchmarks.sweep.SweepResult;
import dev.torpor.benchmarks.sweep.Sweeps;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** What a full run measures beyond the comparison: nothing of it has a counterpart in C. */
final class WholeRun {
  private static final Duration MOST_FOR_SWEEPS = Duration.ofMinutes(20);
  private static final int COLLECTOR_ROUNDS = 8;
  private static final long ALLOCATED_BYTES_PER_SECOND = 1L << 30;
  private static final int PAGES_WRITTEN = 1000;

  private final List<Row> rows = new ArrayList<>();
  private final List<Note> notes = new ArrayList<>();

  /**
   * Measures it all, and tells on the standard error how far it is.
   *
   * @param folder where stores go, for as long as they are needed
   * @throws IOException if a JVM of its own cannot be started, or fails
   */
  void measure(Path folder) throws IOException, InterruptedException {
    for (SweepResult result : Sweeps.run(false, folder, MOST_FOR_SWEEPS)) {
      rows.add(result.row());
      result.allocation().ifPresent(notes::add);
    }
    for (String collector : Collectors.ALL) {
      Collectors.Result result =
          Collectors.measure(collector, folder, COLLECTOR_ROUNDS, ALLOCATED_BYTES_PER_SECOND);
      rows.addAll(result.rows());
      notes.addAll(result.notes());
    }
    Outcome cost = CostOverTime.measure(folder, PAGES_WRITTEN, CostOverTime.Times.FULL);
    rows.addAll(cost.rows());
    notes.addAll(cost.notes());
  }

  List<Row> rows() {
    return rows;
  }

  List<Note> notes() {
    return notes;
  }
}
