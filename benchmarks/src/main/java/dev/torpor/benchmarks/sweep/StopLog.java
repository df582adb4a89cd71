package dev.torpor.benchmarks.sweep;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What a JVM has logged of the times at which it stopped all of its Java threads. */
final class StopLog {
  /** Has a JVM log them, each with the milliseconds since its start. */
  static final String JVM_OPTION = "-Xlog:safepoint:file=%s:uptimemillis:filecount=0";

  private static final Pattern STOP =
      Pattern.compile("\\[(\\d{1,12})ms\\] Safepoint \"\\w+\",.* Total:\\s+(\\d{1,18}) ns.*");

  private StopLog() {}

  /**
   * The longest stop.
   *
   * @param afterMillis only those that ended at least so long after the start
   * @return nanoseconds from the request until all threads went on; 0 if there was none
   */
  static long longestNanos(List<String> log, long afterMillis) {
    return log.stream()
        .map(STOP::matcher)
        .filter(Matcher::matches)
        .filter(stop -> Long.parseLong(stop.group(1)) >= afterMillis)
        .mapToLong(stop -> Long.parseLong(stop.group(2)))
        .max()
        .orElse(0);
  }
}
