package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class RoundsTest {
  private static Rounds rounds(long[]... samples) {
    Rounds rounds = new Rounds();
    for (long[] round : samples) {
      rounds.add(Distribution.of(round));
    }
    return rounds;
  }

  @Test
  void theMedianIsTheMeanOfTheMiddleHalfOfTheRoundsMediansAndTheTailThatOfAllSamples() {
    Rounds rounds =
        rounds(
            new long[] {10, 11, 900},
            new long[] {30, 31, 32},
            new long[] {20, 21, 5},
            new long[] {500, 600, 700});
    // Of 11, 20, 31 and 600.
    assertThat(rounds.figures()).isEqualTo(Figures.nanos(26, 900, 900, 12));
  }

  @Test
  void whereRoundsAreOfTwoKindsOneMoreOfAKindChangesLittle() {
    long[] medians = new long[12];
    Arrays.fill(medians, 0, 6, 40);
    Arrays.fill(medians, 6, 12, 60);
    Rounds balanced = new Rounds();
    Arrays.stream(medians).forEach(one -> balanced.add(Distribution.of(new long[] {one})));
    assertThat(balanced.p50Nanos()).isEqualTo(50);
    balanced.add(Distribution.of(new long[] {60}));
    assertThat(balanced.p50Nanos()).isBetween(50L, 53L);
  }

  @Test
  void ofTwoRoundsTheMedianLiesBetween() {
    assertThat(rounds(new long[] {10}, new long[] {20}).p50Nanos()).isEqualTo(15);
  }

  @Test
  void roundsOfSeveralSweepsAddUp() {
    Rounds all = rounds(new long[] {1, 2, 3});
    all.addAll(rounds(new long[] {5}, new long[] {7}));
    assertThat(all.medians()).containsExactly(2, 5, 7);
    all.clear();
    assertThat(all.medians()).isEmpty();
  }

  @Property
  void pooledFiguresAreThoseOfAllSamplesTogether(
      @ForAll @Size(min = 1, max = 8) List<@Size(min = 1, max = 40) long[]> several) {
    List<long[]> positive =
        several.stream()
            .map(samples -> Arrays.stream(samples).map(one -> one >>> 1).toArray())
            .toList();
    long[] together = positive.stream().flatMapToLong(Arrays::stream).toArray();
    Rounds rounds = new Rounds();
    positive.forEach(samples -> rounds.add(Distribution.of(samples.clone())));
    Figures expected = Distribution.of(together).figures();
    assertThat(rounds.figures())
        .isEqualTo(
            Figures.nanos(rounds.p50Nanos(), expected.p99(), expected.max(), together.length));
  }

  @Property
  void warmUpEndsWhenTheMediansStopFallingAndNotBefore(
      @ForAll @LongRange(min = 1, max = 1_000_000) long floor,
      @ForAll @Size(max = 6) List<Boolean> falls) {
    WarmUp warmUp = new WarmUp();
    long median = floor << 8;
    warmUp.add(median, 0);
    int withoutFall = 0;
    for (boolean fall : falls) {
      assertThat(warmUp.isOver()).isEqualTo(withoutFall >= 3);
      median = fall ? median / 2 : median;
      withoutFall = fall ? 0 : withoutFall + 1;
      warmUp.add(median, 0);
    }
    assertThat(warmUp.isOver()).isEqualTo(withoutFall >= 3);
  }

  @Test
  void aRoundThatIsAsSlowAsTheFirstIsNoFall() {
    WarmUp warmUp = new WarmUp();
    for (long median : new long[] {100, 50, 100, 49, 51}) {
      warmUp.add(median, 0);
    }
    assertThat(warmUp.isOver()).isTrue();
  }

  @Test
  void whileTheCompilerWorksWarmUpGoesOn() {
    WarmUp warmUp = new WarmUp();
    for (double compiling : new double[] {0.9, 0, 0, 0.2, 0.01, 0}) {
      warmUp.add(100, compiling);
      assertThat(warmUp.isOver()).isFalse();
    }
    warmUp.add(100, 0.04);
    assertThat(warmUp.isOver()).isTrue();
  }
}
