package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Row;
import dev.torpor.testing.KvmTest;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole runs, of few and short rounds. */
@KvmTest
class RunTest {
  private static final Path HOME = Path.of("..");
  private static final Duration SHORT = Duration.ofMillis(20);
  private static final Duration LONG = Duration.ofDays(1);

  @TempDir Path folder;

  private final ByteArrayOutputStream told = new ByteArrayOutputStream();

  private Run run(List<Operation> operations, Duration deadline) throws Exception {
    Pace pace = new Pace(2, 2, Duration.ZERO, Duration.ZERO, SHORT, deadline);
    Progress progress = new Progress(new PrintStream(told, true, StandardCharsets.UTF_8), false);
    Run run = new Run(operations, HOME, folder, pace, progress);
    run.measure(true, 0);
    return run;
  }

  private List<String> steps() {
    return told.toString(StandardCharsets.UTF_8).lines().toList();
  }

  @Test
  void aRunGoesOverAllOperationsBeforeItBeginsAnew() throws Exception {
    Run run = run(List.of(Operations.EXIT, Operations.KICK), LONG);
    assertThat(steps())
        .containsExactly(
            "sweep 1 of 2: exit", "sweep 1 of 2: kick", "sweep 2 of 2: exit", "sweep 2 of 2: kick");
    assertThat(run.rows()).extracting(Row::operation).containsExactly("exit", "kick");
    for (Row row : run.rows()) {
      assertThat(row.ratio().orElseThrow()).isPositive();
      assertThat(row.ratioSpread().orElseThrow()).isNotNegative();
      // Four rounds of each side, with as many samples.
      assertThat(row.torpor().count() % 4).isZero();
      assertThat(row.yardstick().orElseThrow().count()).isEqualTo(row.torpor().count());
    }
    assertThat(run.hasFailures()).isFalse();
    assertThat(run.notes()).extracting(note -> note.name()).containsExactly("allocated per exit");
  }

  @Test
  void pastTheDeadlineNoOperationBeginsAnewAndEachHasARow() throws Exception {
    Run run = run(List.of(Operations.EXIT, Operations.KICK), Duration.ZERO);
    assertThat(steps()).containsExactly("sweep 1 of 2: exit", "sweep 1 of 2: kick");
    assertThat(run.rows()).hasSize(2);
  }

  @Test
  void writingOutIsToldAsThroughputAndPausesHaveRowsAlongside() throws Exception {
    Run run = run(List.of(Operations.WRITE_OUT, Operations.PAUSE_256_MIB), LONG);
    assertThat(run.rows())
        .extracting(Row::operation)
        .containsExactly("write-out", "pause", "checkpoint-call", "durable", "written-out");
    assertThat(run.rows().getFirst().torpor().unit()).isEqualTo("MB/s");
    Row pause = run.rows().get(1);
    for (Row row : run.rows().subList(1, 5)) {
      assertThat(row.parameters()).isEqualTo(pause.parameters());
      // What warmed up is in neither.
      assertThat(row.torpor().count()).isEqualTo(pause.torpor().count());
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void whatFailsIsToldAndLeftOutAndTheOthersAreMeasured() throws Exception {
    Operation impossible =
        new Operation(
            Subject.of("impossible"),
            Operation.Effort.FULL,
            10,
            Operations.KICK.yardstick(),
            (operation, stores) -> {
              throw new IllegalStateException("the host cannot");
            });
    Run run = run(List.of(impossible, Operations.KICK), LONG);
    assertThat(run.hasFailures()).isTrue();
    assertThat(run.rows()).extracting(Row::operation).containsExactly("kick");
    assertThat(steps())
        .containsOnlyOnce("torpor bench: impossible is not measured: the host cannot");
  }
}
