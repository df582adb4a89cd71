package dev.torpor.benchmarks.sweep;

import java.util.Map;
import java.util.TreeMap;

/**
 * One JVM's work: a benchmark with a value for each of its parameters.
 *
 * @param benchmark the class
 * @param operation what it is about, as results name it
 * @param parameters by their names
 */
record Trial(Class<?> benchmark, String operation, Map<String, String> parameters) {
  Trial {
    parameters = new TreeMap<>(parameters);
  }

  /** What progress calls it. */
  String describe() {
    return parameters.isEmpty() ? operation : operation + " " + parameters;
  }
}
