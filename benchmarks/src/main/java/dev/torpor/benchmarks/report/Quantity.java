package dev.torpor.benchmarks.report;

import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers with units as people read and write them. */
public final class Quantity {
  private static final double STEP_OF_TIME = 1000;
  private static final double STEP_OF_BYTES = 1024;
  private static final List<String> TIMES = List.of("ns", "µs", "ms", "s");
  private static final List<String> SIZES = List.of("B", "KiB", "MiB", "GiB", "TiB");
  private static final Pattern NUMBER =
      Pattern.compile("([0-9]{1,15}(?:\\.[0-9]{1,6})?)(?: ?(KiB|MiB|GiB|TiB|ns|µs|ms|s))?");
  private static final double TEN = 10;
  private static final double HUNDRED = 100;

  private Quantity() {}

  /**
   * A value for people, with three digits that mean something.
   *
   * @param value how much, not negative
   * @param unit of {@link Figures}; one that is not known is left as it is
   * @return for example {@code 24.7 µs}
   */
  public static String text(double value, String unit) {
    return switch (unit) {
      case Figures.NANOS -> scaled(value, STEP_OF_TIME, TIMES);
      case Figures.BYTES -> scaled(value, STEP_OF_BYTES, SIZES);
      default -> digits(value) + " " + unit;
    };
  }

  /**
   * A value for people, with three digits that mean something.
   *
   * @param value how much, not negative
   * @param unit of {@link Figures}; one that is not known is left as it is
   * @return for example {@code 24.7 µs}
   */
  public static String text(long value, String unit) {
    return text((double) value, unit);
  }

  private static String scaled(double value, double step, List<String> units) {
    double shown = value;
    int unit = 0;
    // What would be rounded up to a whole step belongs to the next unit.
    while (shown >= step - 0.5 && unit < units.size() - 1) {
      shown /= step;
      unit++;
    }
    return digits(shown) + " " + units.get(unit);
  }

  private static String digits(double value) {
    if (value == Math.rint(value) || value >= HUNDRED - 0.05) {
      return String.format(Locale.ROOT, "%.0f", value);
    }
    return String.format(Locale.ROOT, value >= TEN - 0.005 ? "%.1f" : "%.2f", value);
  }

  /**
   * A ratio for people.
   *
   * @param ratio not negative
   * @return for example {@code 1.24x}, or {@code 0.047x} if it is small
   */
  public static String ratioText(double ratio) {
    String format = ratio >= HUNDRED ? "%.0fx" : ratio >= 0.1 ? "%.2fx" : "%.3fx";
    return String.format(Locale.ROOT, format, ratio);
  }

  /**
   * What a parameter's text means as a number.
   *
   * @param text for example {@code 1 GiB} or {@code 2000}
   * @return bytes, nanoseconds or plain; empty if it is no number
   */
  public static OptionalDouble parse(String text) {
    Matcher matcher = NUMBER.matcher(text.strip());
    if (!matcher.matches()) {
      return OptionalDouble.empty();
    }
    double number = Double.parseDouble(matcher.group(1));
    String unit = matcher.group(2);
    if (unit == null) {
      return OptionalDouble.of(number);
    }
    return OptionalDouble.of(
        TIMES.contains(unit)
            ? number * Math.pow(STEP_OF_TIME, TIMES.indexOf(unit))
            : number * Math.pow(STEP_OF_BYTES, SIZES.indexOf(unit)));
  }
}
