package dev.torpor.benchmarks;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Which operations someone wants: those of a name, or of a name and parameters.
 *
 * @param operation the name
 * @param parameters what they must have, by name; spaces in values do not count
 */
record Selection(String operation, Map<String, String> parameters) {
  Selection {
    parameters = Map.copyOf(parameters);
  }

  /**
   * Reads {@code pause}, {@code pause:memory=1GiB} or {@code pause:memory=1GiB,dirtyPages=2000}.
   *
   * @throws IllegalArgumentException if it is none of these, or nothing that is measured matches
   */
  static Selection parse(String text) {
    int colon = text.indexOf(':');
    Map<String, String> parameters = new LinkedHashMap<>();
    if (colon >= 0) {
      for (String parameter : text.substring(colon + 1).split(",", -1)) {
        int equals = parameter.indexOf('=');
        if (equals < 1) {
          throw new IllegalArgumentException(
              "'%s': expected OPERATION or OPERATION:NAME=VALUE,..., for example pause:memory=1GiB"
                  .formatted(text));
        }
        parameters.put(parameter.substring(0, equals), parameter.substring(equals + 1));
      }
    }
    Selection selection = new Selection(colon < 0 ? text : text.substring(0, colon), parameters);
    if (Operations.ALL.stream().noneMatch(one -> selection.matches(one.subject()))) {
      throw new IllegalArgumentException(
          "'%s': nothing like that is measured. There are:%n  %s".formatted(text, choices()));
    }
    return selection;
  }

  /** All that there is, a line each. */
  static String choices() {
    List<String> labels = new ArrayList<>();
    Operations.ALL.forEach(operation -> labels.add(operation.label()));
    return String.join(String.format("%n  "), labels);
  }

  boolean matches(Subject subject) {
    return subject.operation().equals(operation)
        && parameters.entrySet().stream()
            .allMatch(
                parameter ->
                    plain(subject.parameters().getOrDefault(parameter.getKey(), ""))
                        .equals(plain(parameter.getValue())));
  }

  private static String plain(String value) {
    return value.replace(" ", "").toLowerCase(Locale.ROOT);
  }
}
