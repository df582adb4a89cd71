package dev.torpor.benchmarks.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.benchmarks.report.Figures;
import java.util.List;
import org.junit.jupiter.api.Test;

class StopLogTest {
  private static final List<String> LOG =
      List.of(
          stop(90, "SerialCollectForAllocation", 9_000_000),
          stop(100, "ICBufferFull", 17_000),
          stop(250, "SerialCollectForAllocation", 3_000_000),
          "[300ms] something else that took 99000000 ns",
          stop(400, "Cleanup", 20_000));

  private static String stop(long millis, String cause, long totalNanos) {
    return ("[%dms] Safepoint \"%s\", Time since last: 1234567 ns, Reaching safepoint: 4321 ns,"
            + " At safepoint: 99 ns, Leaving safepoint: 5 ns, Total: %d ns,"
            + " Threads: 0 runnable, 12 total")
        .formatted(millis, cause, totalNanos);
  }

  @Test
  void theLongestStopIsOfThoseAfterTheWarmUp() {
    assertThat(StopLog.longestNanos(LOG, 0)).isEqualTo(9_000_000);
    assertThat(StopLog.longestNanos(LOG, 91)).isEqualTo(3_000_000);
    assertThat(StopLog.longestNanos(LOG, 251)).isEqualTo(20_000);
  }

  @Test
  void withoutStopsThereIsNoLongest() {
    assertThat(StopLog.longestNanos(LOG, 401)).isZero();
    assertThat(StopLog.longestNanos(List.of(), 0)).isZero();
  }

  @Test
  void whatAJvmPrintsOfItsFaultsIsReadBack() {
    CollectorResult result =
        new CollectorResult(Figures.nanos(1, 2, 3, 4), Figures.nanos(5, 6, 7, 8), 9, 10);
    assertThat(CollectorResult.parse("a warning\n" + result.line() + "\n")).isEqualTo(result);
  }

  @Test
  void aJvmThatPrintsNoResultIsQuoted() {
    assertThatThrownBy(() -> CollectorResult.parse("out of something"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("out of something");
  }
}
