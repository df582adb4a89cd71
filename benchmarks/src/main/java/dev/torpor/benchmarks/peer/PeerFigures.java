package dev.torpor.benchmarks.peer;

import dev.torpor.benchmarks.report.Figures;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What a peer's way of doing something costs.
 *
 * @param operation what was measured, such as {@link #PAUSE}
 * @param way how the peer does it
 * @param figures of the samples, in nanoseconds
 * @param parameters under what circumstances, for example the peer's version
 */
public record PeerFigures(
    String operation, String way, Figures figures, Map<String, String> parameters) {
  /** How long vCPUs were stopped for a checkpoint, by the peer's own clock. */
  public static final String PAUSE = "pause";

  /** How long the guest stood still at most while a checkpoint was taken, seen from outside. */
  public static final String STOOD_STILL = "stood-still";

  /** What the peer reports as the pause, in its own words. */
  public static final String PAUSE_REPORTED = "pause-reported";

  /** From the command to a checkpoint that is on the disk. */
  public static final String DURABLE = "durable";

  /** From the command to load, in a process that waits for it, to the guest's first page. */
  public static final String RESTORE = "restore";

  /** The same from the start of a process. */
  public static final String RESTORE_LAUNCHED = "restore-launched";

  /** From the command to take a running machine back to the guest's first page. */
  public static final String REVERT = "revert";

  /** The header above {@link #text()}. */
  public static final String HEADER =
      "%-17s %-20s %8s %11s %11s %11s"
          .formatted("operation", "way", "samples", "p50", "p99", "max");

  private static final double NANOS_PER_MILLI = 1e6;

  /** Keeps the parameters. */
  public PeerFigures {
    parameters = Map.copyOf(parameters);
  }

  /**
   * The way with the shortest median.
   *
   * @param figures of any operations
   * @param operation the one that counts
   * @return empty if none of the figures is of that operation
   */
  public static Optional<PeerFigures> best(List<PeerFigures> figures, String operation) {
    return figures.stream()
        .filter(one -> one.operation.equals(operation))
        .min(Comparator.comparingLong(one -> one.figures.p50()));
  }

  /**
   * One line of a table.
   *
   * @return the line, without its end
   */
  public String text() {
    return String.format(
        Locale.ROOT,
        "%-17s %-20s %8d %8.2f ms %8.2f ms %8.2f ms",
        operation,
        way,
        figures.count(),
        figures.p50() / NANOS_PER_MILLI,
        figures.p99() / NANOS_PER_MILLI,
        figures.max() / NANOS_PER_MILLI);
  }
}
