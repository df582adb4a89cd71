package dev.torpor.benchmarks.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Rows as a table of text, at most {@value #WIDTH} columns wide. */
public final class Table {
  /** The most columns that a line has, if no word is longer than its column. */
  public static final int WIDTH = 120;

  private static final int PARAMETERS_WIDTH = 29;
  private static final String FORMAT = "%-15s %-" + PARAMETERS_WIDTH + "s %20s %20s %12s %10s %7s";
  private static final String NOTHING = "-";

  private Table() {}

  /**
   * The head of the table.
   *
   * @return one line, without its end
   */
  public static String header() {
    return line(
        "operation",
        "parameters",
        "Torpor p50 / p99",
        "C p50 / p99",
        "ratio ±",
        "peer p50",
        "ratio");
  }

  /**
   * One row.
   *
   * @param row what to show
   * @return a line, or several if the parameters need them, without the last one's end
   */
  public static String text(Row row) {
    List<String> parameters = wrap(row);
    List<String> lines = new ArrayList<>();
    lines.add(
        line(
            row.operation(),
            parameters.getFirst(),
            both(Optional.of(row.torpor())),
            both(row.yardstick()),
            ratio(row),
            row.peer().map(peer -> Quantity.text(peer.p50(), peer.unit())).orElse(NOTHING),
            row.peerRatio().isPresent()
                ? Quantity.ratioText(row.peerRatio().getAsDouble())
                : NOTHING));
    for (String more : parameters.subList(1, parameters.size())) {
      lines.add(line("", more, "", "", "", "", ""));
    }
    return String.join("\n", lines);
  }

  private static String line(Object... cells) {
    return String.format(Locale.ROOT, FORMAT, cells).stripTrailing();
  }

  private static String both(Optional<Figures> figures) {
    return figures.map(Table::both).orElse(NOTHING);
  }

  /** The unit only once if it is the same. */
  private static String both(Figures figures) {
    String p50 = Quantity.text(figures.p50(), figures.unit());
    String p99 = Quantity.text(figures.p99(), figures.unit());
    int unit = p50.indexOf(' ');
    return (p99.endsWith(p50.substring(unit)) ? p50.substring(0, unit) : p50) + " / " + p99;
  }

  /** The ratio to the C program, with its spread if that is known. */
  static String ratio(Row row) {
    if (row.ratio().isEmpty()) {
      return NOTHING;
    }
    String ratio = Quantity.ratioText(row.ratio().getAsDouble());
    return row.ratioSpread().isEmpty()
        ? ratio
        : String.format(Locale.ROOT, "%s ±%.2f", ratio, row.ratioSpread().getAsDouble());
  }

  /** The parameters in as many lines as they need: at least one, and never inside of one. */
  private static List<String> wrap(Row row) {
    List<String> lines = new ArrayList<>();
    String line = "";
    for (var entry : row.parameters().entrySet()) {
      String word = entry.getKey() + "=" + entry.getValue();
      if (!line.isEmpty() && line.length() + 1 + word.length() > PARAMETERS_WIDTH) {
        lines.add(line);
        line = "";
      }
      line = line.isEmpty() ? word : line + " " + word;
    }
    lines.add(line);
    return lines;
  }
}
