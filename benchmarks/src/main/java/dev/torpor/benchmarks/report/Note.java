package dev.torpor.benchmarks.report;

import java.util.Locale;
import java.util.Objects;

/**
 * Something that was seen beside the rows.
 *
 * @param name what it is
 * @param value how much; finite
 * @param unit of what; may be empty
 */
public record Note(String name, double value, String unit) {
  private static final double NANOS_PER_MILLI = 1e6;
  private static final double SMALL = 10;

  /**
   * Checks that there is a value.
   *
   * @throws IllegalArgumentException if the value is not finite
   */
  public Note {
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(unit, "unit");
    if (!Double.isFinite(value)) {
      throw new IllegalArgumentException(name + " must be finite, not " + value);
    }
  }

  /**
   * A duration.
   *
   * @param name what it is
   * @param nanos in nanoseconds
   * @return a note in milliseconds
   */
  public static Note millis(String name, long nanos) {
    return new Note(name, nanos / NANOS_PER_MILLI, "ms");
  }

  /**
   * The note for people.
   *
   * @return its name, value and unit
   */
  public String text() {
    return "%s: %s %s".formatted(name, digits(), unit).strip();
  }

  private String digits() {
    boolean whole = value == Math.rint(value) || Math.abs(value) >= SMALL * SMALL;
    return String.format(Locale.ROOT, whole ? "%.0f" : "%.2f", value);
  }
}
