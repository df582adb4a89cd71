package dev.torpor.benchmarks.report;

import java.util.List;

/**
 * All that one run has found out.
 *
 * @param host where and when
 * @param rows what was measured, in the order in which people read it
 * @param notes what was seen beside it
 */
public record Results(Host host, List<Row> rows, List<Note> notes) {
  /** Keeps copies. */
  public Results {
    rows = List.copyOf(rows);
    notes = List.copyOf(notes);
  }
}
