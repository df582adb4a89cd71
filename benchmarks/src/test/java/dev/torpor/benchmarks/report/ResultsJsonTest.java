package dev.torpor.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ResultsJsonTest {
  @TempDir Path folder;

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    Results results = TestRows.results();
    assertThat(ResultsReader.parse(ResultsWriter.write(results))).isEqualTo(results);
  }

  @Test
  void rowsHaveTheMembersThatOthersReadAndAbsentOnesAreLeftOut() {
    JsonObject json =
        JsonParser.parseString(ResultsWriter.write(TestRows.results())).getAsJsonObject();
    assertThat(json.keySet()).containsExactly("host", "rows", "notes");
    JsonObject first = json.getAsJsonArray("rows").get(0).getAsJsonObject();
    assertThat(first.keySet())
        .containsExactly(
            "operation",
            "parameters",
            "torpor",
            "yardstick",
            "peer",
            "ratio",
            "ratioSpread",
            "peerRatio");
    assertThat(first.getAsJsonObject("torpor").keySet())
        .containsExactly("p50", "p99", "max", "count", "unit");
    assertThat(first.get("ratio").getAsDouble()).isEqualTo(2);
    JsonObject last = json.getAsJsonArray("rows").get(3).getAsJsonObject();
    assertThat(last.keySet()).containsExactly("operation", "parameters", "torpor");
  }

  @Property
  void anyTextSurvives(@ForAll String name, @ForAll String value) throws IOException {
    Results results =
        new Results(
            new Host(new LinkedHashMap<>(Map.of("fact", value)), List.of(name)),
            List.of(Row.ofTorpor(name, Map.of(value, name), Figures.nanos(1, 2, 3, 4))),
            List.of(new Note(name, 1.5, value)));
    assertThat(ResultsReader.parse(ResultsWriter.write(results))).isEqualTo(results);
  }

  /** A file that was cut off or overwritten somewhere is told so, and nothing else happens. */
  @Property
  void aDamagedFileIsReadOrRefusedWithAMessage(
      @ForAll @IntRange(max = 4000) int at, @ForAll char damage, @ForAll boolean cut) {
    String text = ResultsWriter.write(TestRows.results());
    int place = at % text.length();
    String rest = cut ? "" : text.substring(place + 1);
    String damaged = text.substring(0, place) + damage + rest;
    assertThatCode(
            () -> {
              try {
                ResultsReader.parse(damaged);
              } catch (ResultsFormatException e) {
                assertThat(e.getMessage()).isNotBlank();
              }
            })
        .doesNotThrowAnyException();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "``|the file is not an object",
        "{|it is not JSON",
        "{host: 1}|it is not JSON",
        "[]|the file is not an object",
        "{\"rows\":[]}|host is missing",
        "{\"host\":{}}|rows is missing",
        "{\"host\":{},\"rows\":[]} x|it is not JSON",
        "{\"host\":{\"name\":1},\"rows\":[]}|host.name is not a string",
        "{\"host\":{\"disturbances\":\"x\"},\"rows\":[]}|host.disturbances is not an array",
        "{\"host\":{},\"rows\":[1]}|rows[0] is not an object",
        "{\"host\":{},\"rows\":[{}]}|rows[0].operation is missing",
        "{\"host\":{},\"rows\":[{\"operation\":\"exit\"}]}|rows[0].torpor is missing",
        "{\"host\":{},\"rows\":[],\"notes\":[{\"name\":\"x\",\"value\":1e999,\"unit\":\"\"}]}|notes[0].value is not a number"
      })
  void whatIsMissingOrWrongIsNamed(String json, String message) {
    assertThatThrownBy(() -> ResultsReader.parse(json))
        .isInstanceOf(ResultsFormatException.class)
        .hasMessage(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1.5|rows[0].torpor.p50 is no whole number of 64 bits",
        "1e999999999|rows[0].torpor.p50 is no whole number of 64 bits",
        "99999999999999999999|rows[0].torpor.p50 is no whole number of 64 bits",
        "\"1\"|rows[0].torpor.p50 is not a whole number",
        "-1|rows[0].torpor: figures must not be negative"
      })
  void figuresThatAreNoneAreNamed(String p50, String message) {
    String json =
        """
        {"host":{},"rows":[{"operation":"exit",
          "torpor":{"p50":%s,"p99":2,"max":3,"count":4,"unit":"ns"}}]}"""
            .formatted(p50);
    assertThatThrownBy(() -> ResultsReader.parse(json))
        .isInstanceOf(ResultsFormatException.class)
        .hasMessageStartingWith(message);
  }

  @Test
  void nestingWithoutEndIsRefused() {
    assertThatThrownBy(() -> ResultsReader.parse("[".repeat(1_000_000)))
        .isInstanceOf(ResultsFormatException.class)
        .hasMessage("it is not JSON");
  }

  @Test
  void sidesOfDifferentUnitsAreRefused() {
    String json = ResultsWriter.write(TestRows.results()).replaceFirst("\"ns\"", "\"MB/s\"");
    assertThatThrownBy(() -> ResultsReader.parse(json))
        .hasMessage("rows[0]: a row in MB/s cannot compare with ns");
  }

  @Test
  void filesThatAreNotThereNotTextOrTooLargeAreNamed() throws IOException {
    Path file = folder.resolve("results.json");
    assertThatThrownBy(() -> ResultsReader.read(file))
        .hasMessage("cannot read " + file + ": there is no such file");
    Files.write(file, new byte[] {'"', (byte) 0xC0, '"'});
    assertThatThrownBy(() -> ResultsReader.read(file))
        .hasMessage(file + " holds no results: it is not UTF-8");
    Files.write(file, new byte[(int) ResultsReader.MAXIMUM_BYTES + 1]);
    assertThatThrownBy(() -> ResultsReader.read(file))
        .hasMessage(file + " holds no results: it has more than 16 MiB");
  }

  @Test
  void aFileIsWrittenWholeAndReplacesWhatWasThere() throws IOException {
    Path file = folder.resolve("results.json");
    Files.writeString(file, "old");
    OutputFile.requireWritable(file);
    assertThat(file).hasContent("old");
    OutputFile.write(file, ResultsWriter.write(TestRows.results()));
    assertThat(ResultsReader.read(file)).isEqualTo(TestRows.results());
    assertThat(folder).isDirectoryContaining(one -> one.equals(file));
    try (var files = Files.list(folder)) {
      assertThat(files).containsExactly(file);
    }
  }

  @Test
  void whatCannotBeWrittenIsToldBefore() {
    Path missing = folder.resolve("missing/results.json");
    assertThatThrownBy(() -> OutputFile.requireWritable(missing))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(missing.toString());
    assertThatThrownBy(() -> OutputFile.requireWritable(folder))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("is a folder");
  }
}
