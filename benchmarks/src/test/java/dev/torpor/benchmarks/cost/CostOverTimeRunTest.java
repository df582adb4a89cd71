package dev.torpor.benchmarks.cost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import dev.torpor.testing.KvmTest;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** It measures. What it measures is no test's matter. */
@KvmTest
class CostOverTimeRunTest {
  @TempDir Path folder;

  @Test
  void everyPartTellsWhatItHasFoundAndLeavesNothingBehind() throws Exception {
    CostOverTime.Times times =
        new CostOverTime.Times(Duration.ofMillis(200), 1, Duration.ofSeconds(1), List.of(50));
    Outcome outcome = CostOverTime.measure(folder, 50, times);
    assertThat(outcome.rows())
        .extracting(Row::operation)
        .containsExactly("sustained-pause", "sustained-durable", "stored-bytes");
    assertThat(outcome.notes())
        .extracting(Note::name)
        .contains(
            "checkpoint every 10 ms, a word of each of 50 pages: slowdown",
            "checkpoint every 1000 ms, 50 pages as a whole: slowdown",
            "sustained, 50 pages: durable",
            "50 forks: each has for itself",
            "50 forks: resident beside the guests");
    assertThat(outcome.notes())
        .filteredOn(note -> note.name().contains("forks"))
        .allSatisfy(note -> assertThat(note.value()).isPositive());
    assertThat(folder).isEmptyDirectory();
  }
}
