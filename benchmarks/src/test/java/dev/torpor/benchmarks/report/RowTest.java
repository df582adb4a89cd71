package dev.torpor.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class RowTest {
  @Test
  void ratiosAreTorporsMedianInUnitsOfTheirs() {
    Row row = TestRows.pause("1 GiB", 900_000);
    assertThat(row.ratio()).hasValue(2.0);
    assertThat(row.peerRatio()).hasValue(0.01);
  }

  @Test
  void ofThroughputsTheRatioIsTheSameWayRoundAndTheTailIsTheSlowEnd() {
    Row row = TestRows.results().rows().get(2);
    assertThat(row.torpor()).isEqualTo(new Figures(1600, 889, 889, 12, "MB/s"));
    assertThat(row.ratio()).hasValue(0.8);
    assertThat(row.torpor().moreIsBetter()).isTrue();
  }

  @Test
  void withoutOthersOrBesideNothingThereIsNoRatio() {
    Row alone = Row.ofTorpor("vm", Map.of(), Figures.nanos(1, 1, 1, 1));
    assertThat(alone.ratio()).isEmpty();
    assertThat(alone.withPeer(Figures.nanos(0, 1, 1, 1)).peerRatio()).isEmpty();
  }

  @Test
  void sidesOfDifferentUnitsAreNoRow() {
    assertThatThrownBy(
            () ->
                new Row(
                    "write-out",
                    new TreeMap<>(),
                    Figures.nanos(1, 1, 1, 1),
                    Optional.of(new Figures(1, 1, 1, 1, "MB/s")),
                    Optional.empty()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("ns")
        .hasMessageContaining("MB/s");
  }

  @Test
  void figuresMustHaveSamplesAndAUnitAndNotBeNegative() {
    assertThatThrownBy(() -> Figures.nanos(-1, 1, 1, 1)).hasMessageContaining("p50=-1");
    assertThatThrownBy(() -> Figures.nanos(1, 1, 1, 0)).hasMessageContaining("count=0");
    assertThatThrownBy(() -> new Figures(1, 1, 1, 1, " ")).hasMessageContaining("unit=' '");
  }

  @Test
  void whatIsNoDurationHasNoThroughput() {
    Figures bytes = new Figures(1, 1, 1, 1, Figures.BYTES);
    assertThatThrownBy(() -> bytes.asThroughput(1)).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void notesHaveAsManyDigitsAsMeanSomething() {
    assertThat(Note.millis("durable", 1_234_567).text()).isEqualTo("durable: 1.23 ms");
    assertThat(new Note("pages", 4096, "pages").text()).isEqualTo("pages: 4096 pages");
    assertThat(new Note("rate", 1234.5678, "a second").text()).isEqualTo("rate: 1235 a second");
    assertThatThrownBy(() -> new Note("x", Double.NaN, "")).hasMessageContaining("x");
  }
}
