package dev.torpor.benchmarks.sweep;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.openjdk.jmh.annotations.Param;

class SweepPlanTest {
  static List<Trial> trials() {
    return SweepPlan.full();
  }

  static List<Trial> briefTrials() {
    return SweepPlan.brief();
  }

  /** Else JMH would measure more points than one, or none. */
  @ParameterizedTest
  @MethodSource({"trials", "briefTrials"})
  void aTrialHasAKnownValueForEachParameterOfItsBenchmark(Trial trial) throws Exception {
    Map<String, List<String>> known =
        Arrays.stream(trial.benchmark().getFields())
            .filter(field -> field.isAnnotationPresent(Param.class))
            .collect(
                Collectors.toMap(
                    Field::getName, field -> List.of(field.getAnnotation(Param.class).value())));
    assertThat(trial.parameters().keySet()).isEqualTo(known.keySet());
    trial
        .parameters()
        .forEach((parameter, value) -> assertThat(known.get(parameter)).contains(value));
  }

  @Test
  void noPointIsMeasuredTwice() {
    assertThat(SweepPlan.full()).doesNotHaveDuplicates();
    assertThat(SweepPlan.brief()).doesNotHaveDuplicates();
  }

  @Test
  void noGuestIsToWriteMorePagesThanItHas() {
    for (Trial trial : SweepPlan.full()) {
      Map<String, String> parameters = trial.parameters();
      if (parameters.containsKey(Trial.MEBIBYTES)) {
        long bytes = Long.parseLong(parameters.get(Trial.MEBIBYTES)) << 20;
        long written = Long.parseLong(parameters.get("dirtyPages")) * 4096;
        assertThat(written).as(trial.describe()).isLessThan(bytes);
      }
    }
  }

  @Test
  void parametersAreCombinedEachWithEach() {
    Map<String, List<String>> values = Map.of("a", List.of("1", "2"), "b", List.of("x", "y", "z"));
    assertThat(SweepPlan.combinations(values))
        .hasSize(6)
        .doesNotHaveDuplicates()
        .allSatisfy(chosen -> assertThat(chosen.keySet()).isEqualTo(Set.of("a", "b")));
  }

  @Test
  void resultsNameMemoryWithItsUnit() {
    Trial trial =
        new Trial(PauseSweep.class, "pause", Map.of("mebibytes", "1024", "dirtyPages", "100"));
    assertThat(trial.described()).isEqualTo(Map.of("memory", "1 GiB", "dirtyPages", "100"));
  }
}
