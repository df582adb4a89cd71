package dev.torpor.benchmarks.report;

import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;

/** The median cost against a parameter, both on logarithmic axes: a line for each side. */
final class CurvePlot {
  private static final double LEFT = 90;
  private static final double RIGHT = Plot.WIDTH - 40;
  private static final double TOP = 30;
  private static final double BOTTOM = 250;
  private static final double HEIGHT = 300;

  private final Curve curve;
  private final String unit;
  private final LogScale across;
  private final LogScale up;

  CurvePlot(Curve curve) {
    this.curve = curve;
    unit = curve.rows().getFirst().torpor().unit();
    across = new LogScale(curve.rows().stream().mapToDouble(curve::x), LEFT, RIGHT);
    up = new LogScale(curve.rows().stream().flatMapToDouble(CurvePlot::medians), BOTTOM, TOP);
  }

  private static DoubleStream medians(Row row) {
    return Arrays.stream(Side.values())
        .flatMap(side -> side.of(row).stream())
        .mapToLong(Figures::p50)
        .asDoubleStream();
  }

  void draw(Markup out) {
    Plot.open(out, HEIGHT, "median of " + curve.operation() + " against " + curve.parameter());
    List<Side> sides =
        Arrays.stream(Side.values())
            .filter(side -> curve.rows().stream().anyMatch(row -> side.of(row).isPresent()))
            .toList();
    Plot.legend(out, LEFT, 16, sides);
    Plot.verticalAxis(out, up, LEFT, RIGHT, unit);
    drawValues(out);
    sides.forEach(side -> draw(out, side));
    Plot.text(out, "middle", (LEFT + RIGHT) / 2, HEIGHT - 10, curve.parameter());
    out.close().newline();
  }

  /** The values that were measured are labelled, and no others. */
  private void drawValues(Markup out) {
    curve.rows().stream()
        .mapToDouble(curve::x)
        .distinct()
        .forEach(
            x -> {
              Plot.line(out, "grid", across.at(x), TOP, across.at(x), BOTTOM);
              Plot.text(out, "middle", across.at(x), BOTTOM + 16, Plot.label(x, curve.unit()));
            });
  }

  private void draw(Markup out, Side side) {
    StringBuilder points = new StringBuilder();
    for (Row row : curve.rows()) {
      side.of(row)
          .ifPresent(
              figures ->
                  points
                      .append(LogScale.number(across.at(curve.x(row))))
                      .append(',')
                      .append(LogScale.number(up.at(figures.p50())))
                      .append(' '));
    }
    out.empty("polyline", "class", "curve " + side.style(), "points", points.toString().strip());
    for (Row row : curve.rows()) {
      side.of(row)
          .ifPresent(figures -> side.mark(out, across.at(curve.x(row)), up.at(figures.p50())));
    }
  }
}
