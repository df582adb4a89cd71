package dev.torpor.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.Map;
import java.util.stream.DoubleStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import org.junit.jupiter.api.Test;

class CurveTest {
  private static Row restore(Map<String, String> parameters) {
    return Row.ofTorpor("restore", parameters, Figures.nanos(1, 2, 3, 4));
  }

  @Test
  void rowsThatDifferInOneNumberAloneAreACurveByAscendingValue() {
    Row deep = restore(Map.of("depth", "1000", "memory", "1 GiB"));
    Row shallow = restore(Map.of("depth", "1", "memory", "1 GiB"));
    Row paged = restore(Map.of("depth", "1", "memory", "1 GiB", "source", "paged"));
    Row large = restore(Map.of("depth", "1", "memory", "8 GiB"));
    List<Curve> curves = Curve.of(List.of(large, deep, shallow, paged));
    assertThat(curves).extracting(Curve::parameter).containsExactlyInAnyOrder("memory", "depth");
    for (Curve curve : curves) {
      assertThat(curve.rows())
          .containsExactly(shallow, curve.parameter().equals("depth") ? deep : large);
    }
  }

  @Test
  void rowsThatDifferInNoNumberOrInTwoAreNone() {
    assertThat(
            Curve.of(
                List.of(
                    restore(Map.of("depth", "1", "memory", "1 GiB")),
                    restore(Map.of("depth", "2", "memory", "2 GiB")),
                    restore(Map.of("depth", "3", "source", "paged")),
                    restore(Map.of("depth", "3", "source", "mapped")))))
        .isEmpty();
  }

  @Test
  void theUnitOfAParameterIsThatOfItsText() {
    Curve memory =
        Curve.of(List.of(restore(Map.of("memory", "1 GiB")), restore(Map.of("memory", "2 GiB"))))
            .getFirst();
    assertThat(memory.unit()).isEqualTo(Figures.BYTES);
    assertThat(memory.x(memory.rows().getLast())).isEqualTo(0x1p31);
  }

  @Property
  void aScaleKeepsOrderAndBounds(
      @ForAll @DoubleRange(min = 1, max = 1e15) double one,
      @ForAll @DoubleRange(min = 1, max = 1e15) double other) {
    LogScale scale = new LogScale(DoubleStream.of(one, other), 100, 700);
    assertThat(scale.at(one)).isBetween(100.0, 700.0);
    assertThat(scale.at(other)).isBetween(100.0, 700.0);
    if (one * 1.001 < other) {
      assertThat(scale.at(one)).isLessThan(scale.at(other));
    }
    assertThat(scale.ticks())
        .hasSizeLessThan(20)
        .allSatisfy(tick -> assertThat(scale.at(tick)).isBetween(99.9, 700.1));
  }

  @Test
  void tenTimesAsMuchIsAsFarAwayEverywhere() {
    LogScale scale = new LogScale(DoubleStream.of(1, 1_000_000), 0, 600);
    assertThat(scale.at(1000) - scale.at(100))
        .isCloseTo(scale.at(100) - scale.at(10), within(1e-6));
    assertThat(scale.ticks()).contains(1.0, 10.0, 100_000.0, 1_000_000.0);
  }
}
