package dev.torpor.benchmarks.report;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;

/**
 * How long an operation takes under each of its circumstances: a mark at the median, a line to the
 * 99th percentile, and a tick at the worst sample.
 */
final class DistributionPlot {
  private static final double LEFT = 290;
  private static final double RIGHT = Plot.WIDTH - 30;
  private static final double TOP = 30;
  private static final double BAND = 15;
  private static final double GAP = 10;
  private static final double FOOT = 30;
  private static final int LABEL_CHARACTERS = 42;

  private final String operation;
  private final List<Row> rows;
  private final String unit;
  private final LogScale scale;

  /** Of rows of one operation and unit, of which there is at least one. */
  DistributionPlot(String operation, List<Row> rows) {
    this.operation = operation;
    this.rows = rows;
    unit = rows.getFirst().torpor().unit();
    scale = new LogScale(rows.stream().flatMapToDouble(DistributionPlot::values), LEFT, RIGHT);
  }

  private static DoubleStream values(Row row) {
    return Arrays.stream(Side.values())
        .flatMap(side -> side.of(row).stream())
        .flatMapToLong(one -> LongStream.of(one.p50(), one.p99(), one.max()))
        .asDoubleStream();
  }

  private static List<Side> sides(Row row) {
    return Arrays.stream(Side.values()).filter(side -> side.of(row).isPresent()).toList();
  }

  private static double height(Row row) {
    return sides(row).size() * BAND + GAP;
  }

  void draw(Markup out) {
    double bottom = TOP + rows.stream().mapToDouble(DistributionPlot::height).sum();
    Plot.open(out, bottom + FOOT, operation + ": p50, p99 and worst of each side");
    Plot.legend(out, LEFT, 16, Arrays.asList(Side.values()).subList(0, mostSides()));
    Plot.horizontalAxis(out, scale, TOP, bottom, unit);
    double y = TOP;
    for (Row row : rows) {
      draw(out, row, y);
      y += height(row);
    }
    out.close().newline();
  }

  private int mostSides() {
    return rows.stream().flatMap(row -> sides(row).stream()).mapToInt(Side::ordinal).max().orElse(0)
        + 1;
  }

  private void draw(Markup out, Row row, double top) {
    List<Side> sides = sides(row);
    Plot.text(out, "end", LEFT - 14, top + height(row) / 2 + 4, label(row));
    for (int i = 0; i < sides.size(); i++) {
      Optional<Figures> figures = sides.get(i).of(row);
      double y = top + GAP / 2 + BAND * (i + 0.5);
      Side side = sides.get(i);
      figures.ifPresent(one -> draw(out, side, one, y));
    }
  }

  private void draw(Markup out, Side side, Figures figures, double y) {
    double median = scale.at(figures.p50());
    Plot.line(out, "whisker " + side.style(), median, y, scale.at(figures.p99()), y);
    double worst = scale.at(figures.max());
    Plot.line(out, "whisker " + side.style(), worst, y - 3, worst, y + 3);
    side.mark(out, median, y);
  }

  /** What tells this row from the others: that all have in common is not worth the room. */
  private String label(Row row) {
    Map<String, String> own = new TreeMap<>(row.parameters());
    own.entrySet().removeIf(this::isEverywhere);
    Row shown = Row.ofTorpor(operation, own.isEmpty() ? row.parameters() : own, row.torpor());
    String text = shown.parameters().isEmpty() ? operation : shown.parametersText();
    return text.codePointCount(0, text.length()) <= LABEL_CHARACTERS
        ? text
        : text.substring(0, text.offsetByCodePoints(0, LABEL_CHARACTERS)) + "…";
  }

  private boolean isEverywhere(Map.Entry<String, String> parameter) {
    return rows.stream()
        .allMatch(row -> parameter.getValue().equals(row.parameters().get(parameter.getKey())));
  }
}
