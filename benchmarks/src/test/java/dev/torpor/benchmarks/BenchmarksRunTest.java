package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.benchmarks.report.Row;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each benchmark measures, and its yardstick answers. Speed itself is no test's matter. */
@KvmTest
class BenchmarksRunTest {
  private static final Path HOME = Path.of("..");

  @TempDir Path folder;

  private static void assertPlausible(Distribution distribution, int count) {
    assertThat(distribution.count()).isEqualTo(count);
    assertThat(distribution.p50Nanos()).isPositive();
    assertThat(distribution.p99Nanos()).isGreaterThanOrEqualTo(distribution.p50Nanos());
    assertThat(distribution.maxNanos()).isGreaterThanOrEqualTo(distribution.p99Nanos());
  }

  /** Not of the one that needs 4 GiB, of a host that may have no more. */
  static Stream<Operation> operationsOfAnyHost() {
    return Operations.ALL.stream().filter(operation -> !operation.equals(Operations.PAUSE_8_GIB));
  }

  @ParameterizedTest
  @MethodSource("operationsOfAnyHost")
  void everyOperationHasAYardstickThatAnswers(Operation operation) throws Exception {
    try (Yardstick yardstick = Yardstick.start(HOME, operation.yardstick().in(folder))) {
      assertPlausible(yardstick.measure(3), 3);
      assertPlausible(yardstick.measure(1), 1);
    }
    assertThat(folder).isEmptyDirectory();
  }

  /** Neither of the one that needs much memory, nor of those that need long to prepare. */
  static Stream<Operation> quickOperations() {
    return operationsOfAnyHost()
        .filter(operation -> !operation.equals(Operations.PAUSE_MANY_PAGES))
        .filter(operation -> !operation.equals(Operations.RESTORE_DEEP));
  }

  @ParameterizedTest
  @MethodSource("quickOperations")
  void everyOperationIsMeasured(Operation operation) throws Exception {
    try (Benchmark benchmark = operation.prepare(folder)) {
      assertThat(benchmark.measured()).isEqualTo(operation);
      assertPlausible(benchmark.measure(3), 3);
      assertThat(benchmark.notes()).allSatisfy(note -> assertThat(note.value()).isNotNegative());
    }
    assertThat(folder).isEmptyDirectory();
  }

  @Test
  void aChainOfCheckpointsIsRestoredFromItsEnd() throws Exception {
    try (Benchmark benchmark =
        new RestoreBenchmark(Operations.RESTORE_DEEP, folder, 64L << 20, 3, 2, MemorySource.BEST)) {
      assertPlausible(benchmark.measure(2), 2);
    }
  }

  @Test
  void oneForkIsMeasuredWithTheInstantBeforeIt() throws Exception {
    try (Benchmark benchmark = Operations.FORK_READY.prepare(folder)) {
      benchmark.measure(2);
      List<Row> rows = benchmark.afterwards();
      assertThat(rows).extracting(Row::operation).containsExactly("fork-whole");
      assertThat(rows.getFirst().torpor().p50()).isPositive();
    }
  }

  @Test
  void privateMemoryIsTheSumOfWhatTheKernelCallsPrivate() {
    List<String> rollup =
        List.of(
            "Shared_Clean:       400 kB",
            "Private_Clean:       12 kB",
            "Private_Dirty:        8 kB",
            "Private_Hugetlb:      0 kB");
    assertThat(PrivateMemory.of(rollup)).isEqualTo(20 << 10);
  }

  @Test
  void aYardstickThatDoesNotKnowAnOptionEndsInsteadOfMeasuringSomethingElse() throws Exception {
    try (Yardstick yardstick =
        Yardstick.start(HOME, YardstickCommand.of("fault-yardstick", "arund=16"))) {
      assertThatThrownBy(() -> yardstick.measure(1))
          .isInstanceOf(IOException.class)
          .hasMessage("fault-yardstick ended before it answered");
    }
  }
}
