package dev.torpor.benchmarks;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * How a C program is told what to measure.
 *
 * @param program its name
 * @param options what it shall do otherwise than by default, each {@code name=value}; {@value
 *     #STORE} stands for the folder where stores are
 */
record YardstickCommand(String program, List<String> options) {
  static final String STORE = "{store}";

  YardstickCommand {
    options = List.copyOf(options);
  }

  static YardstickCommand of(String program, String... options) {
    return new YardstickCommand(program, List.of(options));
  }

  /** The same with one more option. */
  YardstickCommand with(String option) {
    return new YardstickCommand(
        program, Stream.concat(options.stream(), Stream.of(option)).toList());
  }

  /** The same for stores in a folder. */
  YardstickCommand in(Path folder) {
    return new YardstickCommand(
        program, options.stream().map(option -> option.replace(STORE, folder.toString())).toList());
  }
}
