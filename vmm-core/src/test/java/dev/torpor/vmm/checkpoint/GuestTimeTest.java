package dev.torpor.vmm.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

/** How far clocks advance, and at which frequency. */
class GuestTimeTest {
  @Property
  void aClockThatContinuesDoesNotAdvance(@ForAll long captured, @ForAll long now) {
    assertThat(GuestTime.elapsedNanos(GuestClock.CONTINUE, captured, now)).isZero();
  }

  @Property
  void aClockThatCatchesUpNeverGoesBack(
      @ForAll @LongRange(min = 0) long captured, @ForAll @LongRange(min = 0) long now) {
    assertThat(GuestTime.elapsedNanos(GuestClock.CATCH_UP, captured, now))
        .isEqualTo(Math.max(0, now - captured));
  }

  @Property
  void cyclesAreThoseOfExactArithmeticRoundedDown(
      @ForAll @LongRange(min = 0, max = 1L << 60) long nanos,
      @ForAll @IntRange(min = 1, max = 6_000_000) int kilohertz) {
    BigInteger exact =
        BigInteger.valueOf(nanos)
            .multiply(BigInteger.valueOf(kilohertz))
            .divide(BigInteger.valueOf(1_000_000));
    assertThat(GuestTime.cycles(nanos, kilohertz)).isEqualTo(exact.longValue());
  }

  @Property
  void nanosecondsOfCyclesAreThoseOfExactArithmeticRoundedDown(
      @ForAll @LongRange(min = 0, max = 1L << 60) long cycles,
      @ForAll @IntRange(min = 1_000_000, max = 6_000_000) int kilohertz) {
    BigInteger exact =
        BigInteger.valueOf(cycles)
            .multiply(BigInteger.valueOf(1_000_000))
            .divide(BigInteger.valueOf(kilohertz));
    assertThat(GuestTime.nanos(cycles, kilohertz)).isEqualTo(exact.longValue());
  }

  @Test
  void aFrequencyThatDiffersByMoreThanClocksDriftIsRefusedWithBothValues() {
    assertThatCode(() -> TscFrequency.requireTolerable(2_000_500, 2_000_000))
        .doesNotThrowAnyException();
    assertThatThrownBy(() -> TscFrequency.requireTolerable(1_999_400, 2_000_000))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("1999400 kHz")
        .hasMessageContaining("2000000");
  }
}
