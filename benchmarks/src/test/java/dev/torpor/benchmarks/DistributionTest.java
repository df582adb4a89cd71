package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class DistributionTest {
  @Test
  void percentilesOfAHundredSamplesAreTheirRanks() {
    long[] samples = LongStream.rangeClosed(1, 100).map(i -> 101 - i).toArray();
    assertThat(Distribution.of(samples)).isEqualTo(new Distribution(100, 50, 99));
  }

  @Property
  void aPercentileIsTheSmallestSampleThatSoManyDoNotExceed(
      @ForAll @Size(min = 1, max = 300) long @LongRange(max = 1000) [] samples) {
    Distribution distribution = Distribution.of(samples.clone());
    assertThat(distribution.p50Nanos()).isEqualTo(naive(samples, 0.50));
    assertThat(distribution.p99Nanos()).isEqualTo(naive(samples, 0.99));
  }

  private static long naive(long[] samples, double share) {
    return Arrays.stream(samples)
        .filter(
            candidate ->
                Arrays.stream(samples).filter(sample -> sample <= candidate).count()
                    >= share * samples.length - 1e-9)
        .min()
        .orElseThrow();
  }

  @Test
  void aFigureOfSeveralRoundsIsTheMedianOfTheRounds() {
    Rounds rounds = new Rounds();
    rounds.add(new Distribution(1, 30, 300));
    rounds.add(new Distribution(1, 10, 100));
    rounds.add(new Distribution(1, 20, 900));
    assertThat(rounds.p50Nanos()).isEqualTo(20);
    assertThat(rounds.p99Nanos()).isEqualTo(300);
  }

  @Test
  void aRowTellsTheRatioOfTheMedians() {
    Row row = new Row("exit", 3_000, 9_000, 2_000, 4_000);
    assertThat(row.ratio()).isEqualTo(1.5);
    assertThat(row.json())
        .isEqualTo(
            "{\"operation\":\"exit\",\"torpor\":{\"p50\":3000,\"p99\":9000,\"unit\":\"ns\"},"
                + "\"yardstick\":{\"p50\":2000,\"p99\":4000,\"unit\":\"ns\"},\"ratio\":1.5000}");
  }
}
