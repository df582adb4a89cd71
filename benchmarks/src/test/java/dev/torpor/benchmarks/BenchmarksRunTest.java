package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import java.io.IOException;
import java.nio.file.Path;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Each benchmark measures, and its yardstick answers. Speed itself is no test's matter. */
@KvmTest
class BenchmarksRunTest {
  private static final Path HOME = Path.of("..");
  private static final int SAMPLES = 50;

  private static void run(Supplier<Benchmark> made) throws Exception {
    try (Benchmark benchmark = made.get();
        Yardstick yardstick = Yardstick.start(HOME, benchmark.yardstick())) {
      for (int round = 0; round < 2; round++) {
        assertPlausible(benchmark.measure(SAMPLES));
        assertPlausible(yardstick.measure(SAMPLES));
      }
    }
  }

  private static void assertPlausible(Distribution distribution) {
    assertPlausible(distribution, SAMPLES);
  }

  private static void assertPlausible(Distribution distribution, int count) {
    assertThat(distribution.count()).isEqualTo(count);
    assertThat(distribution.p50Nanos()).isPositive();
    assertThat(distribution.p99Nanos()).isGreaterThanOrEqualTo(distribution.p50Nanos());
  }

  @Test
  void exitsAreMeasuredOnBothSides() throws Exception {
    run(ExitBenchmark::new);
  }

  @Test
  void kicksAreMeasuredOnBothSides() throws Exception {
    run(KickBenchmark::new);
  }

  /** Not of the one that needs 4 GiB, of a host that may have no more. */
  static Stream<CheckpointOperation> operationsOfAnyHost() {
    return CheckpointOperation.ALL.stream()
        .filter(operation -> !operation.equals(CheckpointOperation.PAUSE_8_GIB));
  }

  @ParameterizedTest
  @MethodSource("operationsOfAnyHost")
  void everyCheckpointOperationHasAYardstickThatAnswers(CheckpointOperation operation)
      throws Exception {
    try (Yardstick yardstick = Yardstick.start(HOME, operation.yardstick())) {
      assertPlausible(yardstick.measure(3), 3);
      assertPlausible(yardstick.measure(1), 1);
    }
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
