package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.List;
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
    assertThat(Distribution.of(samples).figures()).isEqualTo(Figures.nanos(50, 99, 100, 100));
  }

  @Property
  void aPercentileIsTheSmallestSampleThatSoManyDoNotExceed(
      @ForAll @Size(min = 1, max = 300) List<@LongRange(min = 0, max = 1000) Long> nanos) {
    long[] samples = nanos.stream().mapToLong(Long::longValue).toArray();
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
}
