package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.benchmarks.report.Results;
import dev.torpor.benchmarks.report.ResultsFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With a script in the place of {@code torpor}: {@code lab --results FOLDER ... -- COMMAND}. */
class LabRunTest {
  private static final String RESULTS =
      """
      {"host": {"name": "lab"}, "rows": [{"operation": "exit", "parameters": {}, "torpor":
        {"p50": 24000, "p99": 40000, "max": 90000, "count": 100, "unit": "ns"}}]}
      """;

  @TempDir Path home;

  private LabRun labThat(String script) throws IOException {
    Path torpor = home.resolve("torpor");
    Files.writeString(torpor, "#!/bin/sh\n" + script + "\n");
    Files.setPosixFilePermissions(torpor, PosixFilePermissions.fromString("rwxr-xr-x"));
    return new LabRun(home, Duration.ofSeconds(60));
  }

  private String labThatWrites(String results) {
    return "echo \"$@\" >%s; echo \"$3\" >%s; cat >\"$3/results.json\" <<'END'\n%sEND"
        .formatted(home.resolve("arguments"), home.resolve("folder"), results);
  }

  @Test
  void resultsAreBroughtOutOfTheLabAndNothingStaysBehind() throws Exception {
    LabRun lab = labThat(labThatWrites(RESULTS));

    Results results = lab.measure(List.of("--quick", "--only", "exit"));

    assertThat(results.rows()).singleElement().extracting("operation").isEqualTo("exit");
    assertThat(lab.hasFailures()).isFalse();
    Path folder = Path.of(Files.readString(home.resolve("folder")).strip());
    assertThat(folder).doesNotExist();
    assertThat(home.resolve("arguments"))
        .content()
        .startsWith("lab --results " + folder + " --timeout 60 ")
        .endsWith("results.json --quick --only exit\n");
  }

  @Test
  void whatWasMeasuredCountsWhereAnOperationFailed() throws Exception {
    LabRun lab = labThat(labThatWrites(RESULTS) + "\nexit 1");

    assertThat(lab.measure(List.of()).rows()).hasSize(1);
    assertThat(lab.hasFailures()).isTrue();
  }

  @Test
  void aLabThatFailsIsAFailure() throws Exception {
    LabRun lab = labThat("exit 125");

    assertThatThrownBy(() -> lab.measure(List.of()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("measured nothing, exit code 125");
  }

  @Test
  void resultsThatAreNoneAreAFailureAndLeaveNothingBehind() throws Exception {
    LabRun lab = labThat(labThatWrites("{\n"));

    assertThatThrownBy(() -> lab.measure(List.of())).isInstanceOf(ResultsFormatException.class);
    assertThat(Path.of(Files.readString(home.resolve("folder")).strip())).doesNotExist();
  }

  @Test
  void withoutTheProjectsFolderItTellsWhatToSet() {
    assertThatThrownBy(() -> new LabRun(home, Duration.ofSeconds(1)))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("TORPOR_HOME");
  }
}
