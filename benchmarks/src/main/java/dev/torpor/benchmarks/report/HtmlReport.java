package dev.torpor.benchmarks.report;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Results as one page that needs nothing else: no network, no script, no other file. */
public final class HtmlReport {
  private static final String STYLE_SHEET = "report.css";
  private static final String NUMBER = "number";

  private final Results results;
  private final Markup out = new Markup();

  private HtmlReport(Results results) {
    this.results = results;
  }

  /**
   * Makes the page.
   *
   * @param results what it shows; none of it is trusted
   * @return text that parsers of XML and of HTML read alike
   */
  public static String of(Results results) {
    HtmlReport report = new HtmlReport(results);
    report.write();
    return "<!DOCTYPE html>\n" + report.out + "\n";
  }

  private void write() {
    out.open("html", "xmlns", "http://www.w3.org/1999/xhtml", "lang", "en").newline();
    head();
    out.open("body").newline().leaf("h1", title()).newline();
    introduction();
    disturbances();
    table();
    distributions();
    curves();
    host();
    notes();
    out.close().newline().close();
  }

  private String title() {
    Map<String, String> facts = results.host().facts();
    return "Torpor, measured on %s on %s"
        .formatted(facts.getOrDefault("name", "a host"), facts.getOrDefault("date", "some day"));
  }

  private void head() {
    out.open("head").newline().empty("meta", "charset", "utf-8").newline();
    out.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    out.newline().leaf("title", title()).newline().leaf("style", styleSheet()).newline();
    out.close().newline();
  }

  private static String styleSheet() {
    try (InputStream in = HtmlReport.class.getResourceAsStream(STYLE_SHEET)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + STYLE_SHEET + " of this program", e);
    }
  }

  private void introduction() {
    out.leaf(
            "p",
            "Torpor beside C programs that make the same system calls on the same guest, measured in"
                + " turns in one run, and beside another monitor where there is one. A ratio is"
                + " Torpor's median in units of theirs: of times, less than 1 means that Torpor is"
                + " faster; of throughputs (MB/s), more than 1. What follows ± is half the"
                + " interquartile range of the rounds' ratios.")
        .newline();
  }

  private void disturbances() {
    if (results.host().disturbances().isEmpty()) {
      return;
    }
    out.open("section", "class", "disturbances").newline().leaf("h2", "What disturbed the run");
    list(results.host().disturbances());
    out.close().newline();
  }

  private void list(List<String> lines) {
    out.newline().open("ul").newline();
    lines.forEach(line -> out.leaf("li", line).newline());
    out.close().newline();
  }

  private void table() {
    out.leaf("h2", "Results").newline().open("div", "class", "wide").open("table").newline();
    out.open("thead").open("tr");
    List.of("operation", "parameters").forEach(name -> out.leaf("th", name));
    List.of("Torpor p50", "p99", "C p50", "p99", "ratio", "peer p50", "p99", "ratio")
        .forEach(name -> out.leaf("th", name, "class", NUMBER));
    out.close().close().newline().open("tbody").newline();
    results.rows().forEach(this::row);
    out.close().close().close().newline();
  }

  private void row(Row row) {
    out.open("tr");
    out.leaf("td", row.operation()).leaf("td", row.parametersText());
    figures(Optional.of(row.torpor()));
    figures(row.yardstick());
    number(row.ratio().isPresent() ? Table.ratio(row) : "");
    figures(row.peer());
    number(row.peerRatio().isPresent() ? Quantity.ratioText(row.peerRatio().getAsDouble()) : "");
    out.close().newline();
  }

  private void figures(Optional<Figures> figures) {
    number(figures.map(one -> Quantity.text(one.p50(), one.unit())).orElse(""));
    number(figures.map(one -> Quantity.text(one.p99(), one.unit())).orElse(""));
  }

  private void number(String text) {
    out.leaf("td", text, "class", NUMBER);
  }

  private void distributions() {
    out.leaf("h2", "Distributions").newline();
    out.leaf(
            "p",
            "A mark is the median, the line goes to the 99th percentile, and the tick is the worst"
                + " sample. All axes are logarithmic.")
        .newline();
    byQuestion()
        .forEach(
            (question, rows) -> {
              out.open("figure").leaf("figcaption", question.operation()).newline();
              new DistributionPlot(question.operation(), rows).draw(out);
              out.close().newline();
            });
  }

  /** What can be drawn on one axis. */
  private record Question(String operation, String unit) {}

  private Map<Question, List<Row>> byQuestion() {
    Map<Question, List<Row>> questions = new LinkedHashMap<>();
    for (Row row : results.rows()) {
      questions
          .computeIfAbsent(
              new Question(row.operation(), row.torpor().unit()), _ -> new ArrayList<>())
          .add(row);
    }
    return questions;
  }

  private void curves() {
    List<Curve> curves = Curve.of(results.rows());
    if (curves.isEmpty()) {
      return;
    }
    out.leaf("h2", "Cost against size").newline();
    for (Curve curve : curves) {
      out.open("figure").leaf("figcaption", caption(curve)).newline();
      new CurvePlot(curve).draw(out);
      out.close().newline();
    }
  }

  private static String caption(Curve curve) {
    Row same = Row.ofTorpor(curve.operation(), curve.others(), curve.rows().getFirst().torpor());
    String others = same.parametersText().isEmpty() ? "" : " (" + same.parametersText() + ")";
    return "%s against %s%s".formatted(curve.operation(), curve.parameter(), others);
  }

  private void host() {
    out.leaf("h2", "Host").newline().open("table", "class", "facts").newline();
    results
        .host()
        .facts()
        .forEach(
            (name, value) -> out.open("tr").leaf("th", name).leaf("td", value).close().newline());
    out.close().newline();
  }

  private void notes() {
    if (results.notes().isEmpty()) {
      return;
    }
    out.leaf("h2", "Notes");
    list(results.notes().stream().map(Note::text).toList());
  }
}
