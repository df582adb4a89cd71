package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The command line, up to where it would measure. */
class MainTest {
  private static final String RESULTS =
      """
      {"host": {"name": "box", "date": "2026-01-02T03:04:05Z"}, "rows": [
        {"operation": "exit", "parameters": {}, "torpor":
          {"p50": 24000, "p99": 40000, "max": 90000, "count": 100, "unit": "ns"}}]}
      """;

  @TempDir Path folder;

  private final StringWriter out = new StringWriter();
  private final StringWriter errors = new StringWriter();

  private int run(String... arguments) {
    CommandLine line = Main.commandLine();
    line.setOut(new PrintWriter(out, true));
    line.setErr(new PrintWriter(errors, true));
    return line.execute(arguments);
  }

  private Path results(String text) throws IOException {
    return Files.writeString(folder.resolve("results.json"), text);
  }

  @Test
  void aPageIsMadeOfAResultFileAndTheTableIsPrinted() throws IOException {
    Path page = folder.resolve("report.html");
    assertThat(run("--html", page.toString(), "--from", results(RESULTS).toString())).isZero();
    assertThat(page).content().contains("<td>exit</td>", "24 µs");
    assertThat(out.toString()).contains("operation", "exit", "24 / 40 µs");
  }

  @Test
  void aFileThatHoldsNoResultsFailsAndLeavesNoPage() throws IOException {
    Path page = folder.resolve("report.html");
    Path file = results("{\"host\": {}, \"rows\": [{}]}");
    assertThat(run("--html", page.toString(), "--from", file.toString())).isEqualTo(1);
    assertThat(errors)
        .hasToString(
            "torpor bench: %s holds no results: rows[0].operation is missing%n".formatted(file));
    assertThat(page).doesNotExist();
  }

  @Test
  void aFileThatIsNotThereFails() {
    assertThat(run("--from", folder.resolve("none").toString())).isEqualTo(1);
    assertThat(errors.toString()).contains("there is no such file");
  }

  @Test
  void whatCannotBeWrittenFailsBeforeAnythingIsMeasured() {
    assertThat(run("--html", folder.resolve("none/report.html").toString())).isEqualTo(1);
    assertThat(errors.toString()).contains("cannot write", "none");
    assertThat(out.toString()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "--rounds 0",
        "--rounds many",
        "--only nothing",
        "--only pause:memory",
        "--quick --from results.json",
        "--only exit --from results.json",
        "--quick --only vm",
        "--store /proc/self/nowhere"
      })
  void aWrongCommandLineIsAUsageError(String arguments) {
    assertThat(run(arguments.split(" "))).isEqualTo(2);
    assertThat(errors.toString()).contains("Usage: torpor bench");
  }

  @Test
  void anUnknownOptionIsAUsageError() {
    assertThat(run("--frobnicate")).isEqualTo(2);
    assertThat(errors.toString()).contains("--frobnicate");
  }

  @Test
  void theListHasEveryOperation() {
    assertThat(run("--list")).isZero();
    for (Operation operation : Operations.ALL) {
      assertThat(out.toString().lines().map(String::strip)).contains(operation.label());
    }
  }

  @Test
  void helpSaysHowToSelectAndWhatARatioMeans() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("--only pause:memory=1GiB", "Below 1 Torpor is faster");
  }
}
