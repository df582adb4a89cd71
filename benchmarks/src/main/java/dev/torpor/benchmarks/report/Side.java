package dev.torpor.benchmarks.report;

import java.util.Optional;

/** Who was measured: each has a colour and a shape, so that one of the two is enough. */
enum Side {
  TORPOR("Torpor", "torpor"),
  YARDSTICK("C", "yardstick"),
  PEER("peer", "peer");

  private static final double SIZE = 4.5;

  private final String label;
  private final String style;

  Side(String label, String style) {
    this.label = label;
    this.style = style;
  }

  String label() {
    return label;
  }

  /** The class of the style sheet. */
  String style() {
    return style;
  }

  Optional<Figures> of(Row row) {
    return switch (this) {
      case TORPOR -> Optional.of(row.torpor());
      case YARDSTICK -> row.yardstick();
      case PEER -> row.peer();
    };
  }

  /** Draws its mark: a circle, a square or a diamond. */
  void mark(Markup out, double x, double y) {
    switch (this) {
      case TORPOR ->
          out.empty(
              "circle",
              "class",
              "fill " + style,
              "cx",
              LogScale.number(x),
              "cy",
              LogScale.number(y),
              "r",
              LogScale.number(SIZE));
      case YARDSTICK -> polygon(out, x, y, SIZE, SIZE);
      case PEER -> polygon(out, x, y, 0, SIZE + 1);
    }
  }

  /** Four corners: of a square if they lie aside, of a diamond if not. */
  private void polygon(Markup out, double x, double y, double aside, double away) {
    double[][] corners = {{-away, -aside}, {aside, -away}, {away, aside}, {-aside, away}};
    StringBuilder points = new StringBuilder();
    for (double[] corner : corners) {
      points.append(LogScale.number(x + corner[0])).append(',');
      points.append(LogScale.number(y + corner[1])).append(' ');
    }
    out.empty("polygon", "class", "fill " + style, "points", points.toString().strip());
  }
}
