package dev.torpor.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class TurnsTest {
  private static Distribution round(long... samples) {
    return Distribution.of(samples);
  }

  private static Turns turns(long[] ours, long[] theirs) {
    Turns turns = new Turns();
    for (int i = 0; i < ours.length; i++) {
      turns.add(round(ours[i]), round(theirs[i]));
    }
    return turns;
  }

  private static double ratio(Turns turns) {
    return (double) turns.ours().p50() / turns.theirs().p50();
  }

  @Test
  void thePairsCountWhoseRatiosAreInTheMiddleHalf() {
    // Ratios of 1, 2, 3 and 40.
    Turns turns = turns(new long[] {100, 40, 90, 400}, new long[] {100, 20, 30, 10});
    assertThat(turns.ours().p50()).isEqualTo(65);
    assertThat(turns.theirs().p50()).isEqualTo(25);
  }

  @Test
  void theTailIsThatOfAllSamples() {
    Turns turns = new Turns();
    turns.add(round(10, 11, 900), round(1, 2, 3));
    turns.add(round(20, 21, 5), round(4, 5, 60));
    assertThat(turns.ours()).isEqualTo(Figures.nanos(16, 900, 900, 6));
    assertThat(turns.theirs()).isEqualTo(Figures.nanos(4, 60, 60, 6));
  }

  @Test
  void theSpreadIsHalfOfWhatLiesBetweenTheQuartilesOfTheRatios() {
    Turns turns = turns(new long[] {10, 20, 30, 40, 50}, new long[] {10, 10, 10, 10, 10});
    assertThat(turns.ratioSpread()).isCloseTo(1, within(1e-9));
    assertThat(turns.swapped().ratioSpread()).isCloseTo((0.5 - 0.25) / 2, within(1e-9));
  }

  /** A host that gets faster and slower from pair to pair changes nothing. */
  @Property
  void whatDriftsForBothSidesAlikeIsNotInTheRatio(
      @ForAll @Size(min = 1, max = 12) List<@IntRange(min = 1, max = 1_000) Integer> drift) {
    long[] ours = drift.stream().mapToLong(speed -> 12L * speed).toArray();
    long[] theirs = drift.stream().mapToLong(speed -> 10L * speed).toArray();
    Turns turns = turns(ours, theirs);
    assertThat(ratio(turns)).isCloseTo(1.2, within(0.1)); // medians are whole nanoseconds
    assertThat(turns.ratioSpread()).isCloseTo(0, within(1e-9));
  }

  /** As long as they are fewer than a quarter. */
  @Property
  void pairsThatWereDisturbedOnOneSideDoNotCount(
      @ForAll @IntRange(min = 0, max = 11) int first,
      @ForAll @IntRange(min = 0, max = 11) int second,
      @ForAll @IntRange(min = 2, max = 1_000) int slower) {
    long[] ours = new long[12];
    Arrays.fill(ours, 300);
    long[] theirs = new long[12];
    Arrays.fill(theirs, 200);
    ours[first] *= slower;
    theirs[second] *= slower;
    assertThat(ratio(turns(ours, theirs))).isCloseTo(1.5, within(0.01));
  }

  @Test
  void aSideThatTakesNoTimeIsNoDivisionByZero() {
    assertThat(turns(new long[] {5}, new long[] {0}).ratioSpread()).isZero();
  }
}
