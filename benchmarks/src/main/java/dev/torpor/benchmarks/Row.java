package dev.torpor.benchmarks;

import java.util.Locale;

/**
 * One line of the results.
 *
 * @param operation what was measured
 * @param torporP50Nanos Torpor's median
 * @param torporP99Nanos Torpor's 99th percentile
 * @param yardstickP50Nanos the C program's median
 * @param yardstickP99Nanos the C program's 99th percentile
 */
record Row(
    String operation,
    long torporP50Nanos,
    long torporP99Nanos,
    long yardstickP50Nanos,
    long yardstickP99Nanos) {

  static final String HEADER =
      "%-32s %12s %12s %12s %12s %7s"
          .formatted("operation", "torpor p50", "p99", "C p50", "p99", "ratio");

  /** Torpor's median in units of the C program's. */
  double ratio() {
    return (double) torporP50Nanos / yardstickP50Nanos;
  }

  String text() {
    return String.format(
        Locale.ROOT,
        "%-32s %9.2f µs %9.2f µs %9.2f µs %9.2f µs %6.2fx",
        operation,
        torporP50Nanos / 1e3,
        torporP99Nanos / 1e3,
        yardstickP50Nanos / 1e3,
        yardstickP99Nanos / 1e3,
        ratio());
  }

  String json() {
    return String.format(
        Locale.ROOT,
        "{\"operation\":\"%s\",\"torpor\":{\"p50\":%d,\"p99\":%d,\"unit\":\"ns\"},"
            + "\"yardstick\":{\"p50\":%d,\"p99\":%d,\"unit\":\"ns\"},\"ratio\":%.4f}",
        operation,
        torporP50Nanos,
        torporP99Nanos,
        yardstickP50Nanos,
        yardstickP99Nanos,
        ratio());
  }
}
