package dev.torpor.benchmarks;

import java.util.Collections;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What a row is about.
 *
 * @param operation what is measured
 * @param parameters under what circumstances, by name
 */
record Subject(String operation, SortedMap<String, String> parameters) {
  Subject {
    parameters = Collections.unmodifiableSortedMap(new TreeMap<>(parameters));
  }

  /** Of parameters that are each a name and a value. */
  static Subject of(String operation, String... parameters) {
    SortedMap<String, String> map = new TreeMap<>();
    for (int i = 0; i < parameters.length; i += 2) {
      map.put(parameters[i], parameters[i + 1]);
    }
    return new Subject(operation, map);
  }

  /** Another operation under the same circumstances. */
  Subject alongside(String other) {
    return new Subject(other, parameters);
  }

  /** For people, as {@code --only} takes it. */
  String label() {
    if (parameters.isEmpty()) {
      return operation;
    }
    StringBuilder label = new StringBuilder(operation);
    char separator = ':';
    for (var parameter : parameters.entrySet()) {
      label.append(separator).append(parameter.getKey()).append('=');
      label.append(parameter.getValue().replace(" ", ""));
      separator = ',';
    }
    return label.toString();
  }
}
