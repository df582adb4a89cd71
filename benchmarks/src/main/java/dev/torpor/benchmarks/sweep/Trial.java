package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Quantity;
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
  static final String MEBIBYTES = "mebibytes";
  private static final double MIB = 1 << 20;

  Trial {
    parameters = new TreeMap<>(parameters);
  }

  /** The parameters as results name them, where a number of bytes has its unit. */
  Map<String, String> described() {
    Map<String, String> described = new TreeMap<>(parameters);
    String mebibytes = described.remove(MEBIBYTES);
    if (mebibytes != null) {
      described.put("memory", Quantity.text(Long.parseLong(mebibytes) * MIB, Figures.BYTES));
    }
    return described;
  }

  /** What progress calls it. */
  String describe() {
    return parameters.isEmpty() ? operation : operation + " " + parameters;
  }
}
