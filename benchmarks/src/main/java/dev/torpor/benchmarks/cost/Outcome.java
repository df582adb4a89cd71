package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.util.List;

/**
 * What one of these measurements has found.
 *
 * @param rows distributions
 * @param notes single figures
 */
public record Outcome(List<Row> rows, List<Note> notes) {
  /** Keeps copies. */
  public Outcome {
    rows = List.copyOf(rows);
    notes = List.copyOf(notes);
  }
}
