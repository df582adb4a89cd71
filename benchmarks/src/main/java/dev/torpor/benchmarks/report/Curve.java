package dev.torpor.benchmarks.report;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Rows of one operation that differ in one parameter alone, which is a number.
 *
 * @param operation what was measured
 * @param parameter which one differs
 * @param others the parameters that do not
 * @param rows by ascending value of the parameter; at least two values
 */
record Curve(String operation, String parameter, SortedMap<String, String> others, List<Row> rows) {

  /** All that there are, in the order of the rows. */
  static List<Curve> of(List<Row> rows) {
    Map<Key, List<Row>> groups = new LinkedHashMap<>();
    for (Row row : rows) {
      for (String parameter : row.parameters().keySet()) {
        if (Quantity.parse(row.parameters().get(parameter)).isPresent()) {
          groups.computeIfAbsent(Key.of(row, parameter), _ -> new ArrayList<>()).add(row);
        }
      }
    }
    List<Curve> curves = new ArrayList<>();
    groups.forEach(
        (key, group) -> {
          Curve curve = new Curve(key.operation, key.parameter, key.others, group);
          if (group.stream().mapToDouble(curve::x).distinct().count() > 1) {
            curves.add(curve);
          }
        });
    return curves;
  }

  /** What rows of one curve have in common. */
  private record Key(
      String operation, String unit, String parameter, SortedMap<String, String> others) {
    static Key of(Row row, String parameter) {
      SortedMap<String, String> others = new TreeMap<>(row.parameters());
      others.remove(parameter);
      return new Key(row.operation(), row.torpor().unit(), parameter, others);
    }
  }

  Curve {
    rows = rows.stream().sorted(Comparator.comparingDouble(row -> value(row, parameter))).toList();
  }

  private static double value(Row row, String parameter) {
    return Quantity.parse(row.parameters().get(parameter)).orElseThrow();
  }

  double x(Row row) {
    return value(row, parameter);
  }

  /** The unit of the parameter: of {@link Figures}, or empty. */
  String unit() {
    String value = rows.getFirst().parameters().get(parameter);
    if (value.endsWith("iB")) {
      return Figures.BYTES;
    }
    return value.endsWith("s") ? Figures.NANOS : "";
  }
}
