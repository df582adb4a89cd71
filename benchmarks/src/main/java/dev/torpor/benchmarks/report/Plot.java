package dev.torpor.benchmarks.report;

import static dev.torpor.benchmarks.report.LogScale.number;

import java.util.Locale;

/** What drawings have in common: their frame, their axes, and the key to the sides. */
final class Plot {
  static final double WIDTH = 760;

  private static final double LEGEND_STEP = 80;
  private static final double TICK_GAP = 16;

  private Plot() {}

  /** Begins a drawing that tells what it shows to who cannot see it; the caller closes it. */
  static void open(Markup out, double height, String title) {
    out.open(
        "svg",
        "xmlns",
        "http://www.w3.org/2000/svg",
        "viewBox",
        String.format(Locale.ROOT, "0 0 %.0f %.0f", WIDTH, height),
        "role",
        "img");
    out.leaf("title", title);
  }

  static void line(Markup out, String style, double x1, double y1, double x2, double y2) {
    out.empty(
        "line",
        "class",
        style,
        "x1",
        number(x1),
        "y1",
        number(y1),
        "x2",
        number(x2),
        "y2",
        number(y2));
  }

  static void text(Markup out, String anchor, double x, double y, String text) {
    out.leaf("text", text, "x", number(x), "y", number(y), "text-anchor", anchor);
  }

  /** The horizontal axis at the bottom of an area, with a line upwards for each label. */
  static void horizontalAxis(Markup out, LogScale scale, double top, double bottom, String unit) {
    for (double tick : scale.ticks()) {
      line(out, "grid", scale.at(tick), top, scale.at(tick), bottom);
      text(out, "middle", scale.at(tick), bottom + TICK_GAP, label(tick, unit));
    }
  }

  /** The vertical axis at the left of an area, with a line to the right for each label. */
  static void verticalAxis(Markup out, LogScale scale, double left, double right, String unit) {
    for (double tick : scale.ticks()) {
      line(out, "grid", left, scale.at(tick), right, scale.at(tick));
      text(out, "end", left - TICK_GAP / 2, scale.at(tick) + 4, label(tick, unit));
    }
  }

  static String label(double value, String unit) {
    return unit.isEmpty() ? String.format(Locale.ROOT, "%,.0f", value) : Quantity.text(value, unit);
  }

  /** Which mark is whose. */
  static void legend(Markup out, double left, double y, Iterable<Side> sides) {
    double x = left;
    for (Side side : sides) {
      side.mark(out, x, y - 4);
      text(out, "start", x + 10, y, side.label());
      x += LEGEND_STEP;
    }
  }
}
