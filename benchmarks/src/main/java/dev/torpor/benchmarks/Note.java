package dev.torpor.benchmarks;

import java.util.Locale;

/**
 * Something that a benchmark has seen beside its row, and that no C program does.
 *
 * @param name what it is
 * @param value how much
 * @param decimals how many digits of it mean something
 * @param unit of what
 */
record Note(String name, double value, int decimals, String unit) {
  private static final double NANOS_PER_MILLI = 1e6;

  static Note millis(String name, long nanos) {
    return new Note(name, nanos / NANOS_PER_MILLI, 2, "ms");
  }

  String text() {
    return "%s: %s %s".formatted(name, digits(), unit);
  }

  String json() {
    return "{\"name\":\"%s\",\"value\":%s,\"unit\":\"%s\"}".formatted(name, digits(), unit);
  }

  private String digits() {
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }
}
