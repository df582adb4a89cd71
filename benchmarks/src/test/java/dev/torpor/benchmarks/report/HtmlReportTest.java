package dev.torpor.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.CharRange;
import net.jqwik.api.constraints.Chars;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.InputSource;

class HtmlReportTest {
  private static Document page(Results results) {
    try {
      DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
      builder.setErrorHandler(null);
      return builder.parse(new InputSource(new StringReader(HtmlReport.of(results))));
    } catch (Exception e) {
      throw new AssertionError("the page is not well-formed", e);
    }
  }

  private static List<Element> elements(Document page, String name) {
    NodeList nodes = page.getElementsByTagName(name);
    List<Element> elements = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      elements.add((Element) nodes.item(i));
    }
    return elements;
  }

  private static List<String> texts(Document page, String name) {
    return elements(page, name).stream().map(Element::getTextContent).toList();
  }

  @Test
  void everyRowIsInTheTableWithItsFiguresAndRatios() {
    Document page = page(TestRows.results());
    List<Element> rows = elements(page, "tbody");
    assertThat(rows).hasSize(1);
    assertThat(texts(page, "tr").subList(1, 5))
        .containsExactly(
            "pausedirtyPages=2000, memory=256 MiB400 µs800 µs200 µs400 µs2.00x ±0.0540 ms80 ms0.010x",
            "pausedirtyPages=2000, memory=1 GiB900 µs1.80 ms450 µs900 µs2.00x ±0.0590 ms180 ms0.010x",
            "write-outdirtyPages=20001600 MB/s889 MB/s2000 MB/s1500 MB/s0.80x",
            "stored-byteschildren=100259 KiB264 KiB");
  }

  @Test
  void everyQuestionHasADrawingAndEveryNumberThatDiffersAnother() {
    Document page = page(TestRows.results());
    assertThat(texts(page, "figcaption"))
        .containsExactly(
            "pause", "write-out", "stored-bytes", "pause against memory (dirtyPages=2000)");
    assertThat(elements(page, "svg")).hasSize(4);
    // Three sides of two rows, two of one and one of one; and a key for each drawing.
    assertThat(elements(page, "circle")).hasSize(2 + 1 + 1 + 2 + 4);
    assertThat(elements(page, "polyline")).hasSize(3);
  }

  @Test
  void inADrawingRowsAreToldByWhatTheyDoNotHaveInCommon() {
    assertThat(texts(page(TestRows.results()), "text"))
        .contains("memory=256 MiB", "memory=1 GiB", "dirtyPages=2000", "children=100")
        .noneMatch(text -> text.contains("dirtyPages=2000, memory"));
  }

  @Test
  void marksLieInsideOfTheirDrawingAndTheSlowerOneFurtherRight() {
    Document page = page(TestRows.results());
    List<Double> places =
        elements(page, "circle").stream()
            .limit(3)
            .map(circle -> Double.valueOf(circle.getAttribute("cx")))
            .toList();
    assertThat(places).allSatisfy(x -> assertThat(x).isBetween(0.0, Plot.WIDTH));
    assertThat(places.get(2)).isGreaterThan(places.get(1));
  }

  @Test
  void theHostWhatDisturbedAndTheNotesAreThere() {
    Document page = page(TestRows.results());
    assertThat(texts(page, "h1"))
        .containsExactly("Torpor, measured on box on 2026-01-02T03:04:05Z");
    assertThat(texts(page, "tr")).contains("kernel6.18");
    assertThat(texts(page, "li"))
        .containsExactly(
            "others are at work (load 3.00 on 2 cores)",
            "allocated per exit: 0 bytes",
            "durable: 1.23 ms");
  }

  @Test
  void aPageNeedsNothingElse() {
    String page = HtmlReport.of(TestRows.results());
    assertThat(page).contains("prefers-color-scheme: dark");
    assertThat(page.replace("http://www.w3.org/", ""))
        .doesNotContain("http", "<script", "url(", "@import");
  }

  @Test
  void resultsWithoutRowsAreAPageToo() {
    Results nothing = new Results(new Host(new LinkedHashMap<>(), List.of()), List.of(), List.of());
    assertThat(texts(page(nothing), "h1"))
        .containsExactly("Torpor, measured on a host on some day");
  }

  private static Results of(String text) {
    Row row =
        Row.ofTorpor(text, Map.of(text, text), new Figures(0, 0, Long.MAX_VALUE, 1, "x" + text));
    return new Results(
        new Host(new LinkedHashMap<>(Map.of(text, text)), List.of(text)),
        List.of(row.withPeer(new Figures(1, 2, 3, 4, "x" + text))),
        List.of(new Note(text, 1, text)));
  }

  @Test
  void hostileTextIsShownAndNotObeyed() {
    String hostile = "</style><script>alert('\"&amp;')</script>]]>\u0000\u0001\u007f\ud800\ufffe";
    Document page = page(of(hostile));
    assertThat(elements(page, "script")).isEmpty();
    String shown = "</style><script>alert('\"&amp;')</script>]]>\ufffd\ufffd\ufffd\ufffd\ufffd";
    assertThat(texts(page, "td")).contains(shown, shown + "=" + shown);
    assertThat(texts(page, "li")).contains(shown);
  }

  @Property
  void anyTextMakesAWellFormedPage(
      @ForAll @Chars({'<', '>', '&', '"', '\'', ';'}) @CharRange(from = 0, to = Character.MAX_VALUE)
          String text) {
    assertThat(elements(page(of(text)), "tbody")).hasSize(1);
  }
}
