package dev.torpor.benchmarks.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Figures;
import dev.torpor.testing.KvmTest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each runner measures in JVMs of its own. What it measures is no test's matter. */
@KvmTest
class SweepsRunTest {
  @TempDir Path folder;

  @Test
  void aSweepTellsTheTimesThatTheBenchmarkHasRecorded() throws Exception {
    Trial trial = new Trial(FaultSweep.class, "fault", Map.of("clusterPages", "64"));
    List<SweepResult> results =
        Sweeps.run(List.of(trial, trial), folder, true, Duration.ofNanos(1));
    assertThat(results).as("no further point after the time is over").hasSize(1);
    Figures figures = results.getFirst().row().torpor();
    assertThat(figures.count()).isGreaterThan(1000);
    assertThat(figures.p50()).isPositive().isLessThanOrEqualTo(figures.max());
    assertThat(results.getFirst().allocatedBytes()).isPresent();
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void faultsAreMeasuredIdleAndBesideGarbage() throws Exception {
    Collectors.Result result = Collectors.measure("UseSerialGC", folder, 1, 64 << 20);
    assertThat(result.rows())
        .extracting(row -> row.parameters().get("heap"))
        .containsExactly("idle", "busy");
    assertThat(result.notes())
        .filteredOn(note -> !note.name().contains("stop")) // there may have been none
        .hasSize(2)
        .allSatisfy(note -> assertThat(note.value()).isPositive());
    assertThat(folder).isEmptyDirectory();
  }
}
