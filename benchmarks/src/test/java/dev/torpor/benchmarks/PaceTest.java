package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class PaceTest {
  @Property
  void aRoundHasAtLeastThreeSamplesAndNeverMoreThanItsOperationWants(
      @ForAll @IntRange(min = 1, max = 2_000) int sampled,
      @ForAll @LongRange(max = 100_000_000_000L) long nanos) {
    int count = Pace.QUICK.samplesPerRound(Operations.FORK_READY, sampled, nanos);
    assertThat(count).isBetween(3, Operations.FORK_READY.samplesPerRound());
  }

  @Test
  void aRoundThatWouldTakeTooLongHasFewerSamples() {
    long roundNanos = Pace.QUICK.roundTime().toNanos();
    assertThat(Pace.QUICK.samplesPerRound(Operations.FORK_READY, 1, roundNanos / 10)).isEqualTo(10);
  }

  @Test
  void operationsThatWantFewSamplesGetNoMore() {
    assertThat(Pace.QUICK.samplesPerRound(Operations.PAUSE_MANY_PAGES, 1, Long.MAX_VALUE))
        .isEqualTo(Operations.PAUSE_MANY_PAGES.samplesPerRound());
  }

  @Property
  void aFullRunHasAtLeastTheRoundsThatWereAskedFor(
      @ForAll @IntRange(min = 1, max = 500) int rounds) {
    Pace pace = Pace.full(rounds);
    assertThat(pace.sweeps() * pace.roundsPerSweep()).isBetween(rounds, rounds + 2);
    assertThat(pace.samplesPerRound(Operations.PAUSE_1_GIB, 1, 10_000_000_000L)).isEqualTo(20);
  }

  @Test
  void codeIsWarmWhenItGetsNoFasterOrTimeIsUp() {
    long least = Pace.QUICK.leastWarmUp().toNanos();
    long most = Pace.QUICK.mostWarmUp().toNanos();
    assertThat(Pace.QUICK.isWarm(least - 1, true)).isFalse();
    assertThat(Pace.QUICK.isWarm(least, true)).isTrue();
    assertThat(Pace.QUICK.isWarm(least, false)).isFalse();
    assertThat(Pace.QUICK.isWarm(most, false)).isTrue();
  }
}
