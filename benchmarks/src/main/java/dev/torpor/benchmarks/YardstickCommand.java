package dev.torpor.benchmarks;

import java.util.List;

/**
 * How a C program is told what to measure.
 *
 * @param program its name
 * @param options what it shall do otherwise than by default, each {@code name=value}
 */
record YardstickCommand(String program, List<String> options) {
  YardstickCommand {
    options = List.copyOf(options);
  }

  static YardstickCommand of(String program, String... options) {
    return new YardstickCommand(program, List.of(options));
  }
}
