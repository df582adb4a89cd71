package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.peer.PeerFigures;
import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PeerRowsTest {
  private final PeerRows rows = new PeerRows();

  @BeforeEach
  void twoWays() {
    rows.add(
        List.of(
            figures(PeerFigures.PAUSE, "slow", 90_000_000),
            figures(PeerFigures.PAUSE, "fast", 12_000_000),
            figures(PeerFigures.DURABLE, "slow", 100_000_000),
            figures(PeerFigures.STOOD_STILL, "fast", 1)));
  }

  private static PeerFigures figures(String operation, String way, long p50) {
    return new PeerFigures(
        operation, way, Figures.nanos(p50, 2 * p50, 3 * p50, 3), Map.of("qemu", "7.2.0"));
  }

  private static Row row(Subject subject) {
    return Row.ofTorpor(subject.operation(), subject.parameters(), Figures.nanos(600_000, 1, 1, 1));
  }

  @Test
  void theFastestWayStandsBesideTheRowOfTheSameGuest() {
    Row beside = rows.beside(row(Operations.PAUSE_1_GIB.subject()));
    assertThat(beside.peer()).contains(Figures.nanos(12_000_000, 24_000_000, 36_000_000, 3));
    assertThat(beside.peerRatio()).hasValue(0.05);
    Row durable = rows.beside(row(Operations.PAUSE_1_GIB.subject().alongside("durable")));
    assertThat(durable.peer())
        .hasValueSatisfying(one -> assertThat(one.p50()).isEqualTo(100_000_000));
  }

  @Test
  void rowsOfOtherGuestsAndWhatWasNotMeasuredStandAlone() {
    for (Operation operation :
        List.of(Operations.PAUSE_256_MIB, Operations.PAUSE_MANY_PAGES, Operations.RESTORE_1_GIB)) {
      Row row = row(operation.subject());
      assertThat(rows.beside(row)).isEqualTo(row);
    }
  }

  @Test
  void notesHaveEveryWayWithThePeersVersion() {
    assertThat(rows.notes())
        .extracting(Note::text)
        .contains("QEMU 7.2.0, slow: pause p50: 90 ms", "QEMU 7.2.0, fast: pause p50: 12 ms")
        .hasSize(4);
  }

  @Test
  void aPeerIsOnlyAskedForWhatItDoes() {
    assertThat(PeerRows.any(List.of(Operations.EXIT, Operations.RESTORE_1_GIB))).isTrue();
    assertThat(PeerRows.any(List.of(Operations.EXIT, Operations.RESTORE))).isFalse();
  }
}
