package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.KvmTest;
import java.nio.file.Path;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

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
    assertThat(distribution.count()).isEqualTo(SAMPLES);
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
}
