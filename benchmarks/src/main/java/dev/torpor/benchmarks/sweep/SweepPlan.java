package dev.torpor.benchmarks.sweep;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Which points are measured, of all that the parameters could make. */
final class SweepPlan {
  private static final String DIRTY_PAGES = "dirtyPages";

  private final List<Trial> trials = new ArrayList<>();

  private SweepPlan() {}

  /** All that fits into a guest and is worth its time. */
  static List<Trial> full() {
    SweepPlan plan = new SweepPlan();
    plan.add(ExitSweep.class, "exit", Map.of());
    plan.pauses();
    plan.collections();
    plan.add(ForkSweep.class, "fork", of("children", "1", "10", "100"));
    plan.restores();
    plan.add(RevertSweep.class, "revert", of(DIRTY_PAGES, "10", "100", "1000", "10000"));
    plan.add(FaultSweep.class, "fault", of("clusterPages", "1", "16", "64"));
    return plan.trials;
  }

  /** One or two points of each. */
  static List<Trial> brief() {
    SweepPlan plan = new SweepPlan();
    plan.add(ExitSweep.class, "exit", Map.of());
    plan.add(PauseSweep.class, "pause", pause("256", "1", "true", "1000", "10000"));
    plan.add(
        DirtyCollectSweep.class,
        "dirty-collect",
        of("tracker", "DIRTY_LOG", "DIRTY_RING"),
        of(Trial.MEBIBYTES, "1024"),
        of(DIRTY_PAGES, "1000"));
    plan.add(ForkSweep.class, "fork", of("children", "10"));
    plan.add(
        RestoreSweep.class,
        "restore",
        of("source", "MAPPED", "PAGED"),
        of("depth", "10"),
        of("cache", "WARM"));
    plan.add(RevertSweep.class, "revert", of(DIRTY_PAGES, "100"));
    plan.add(FaultSweep.class, "fault", of("clusterPages", "1", "16"));
    return plan.trials;
  }

  private void pauses() {
    add(PauseSweep.class, "pause", pause("256", "1", "true", "100", "1000", "10000"));
    add(PauseSweep.class, "pause", pause("1024", "1", "true", "100", "1000", "10000", "100000"));
    add(PauseSweep.class, "pause", pause("8192", "1", "true", "100", "1000", "10000", "100000"));
    add(PauseSweep.class, "pause", pause("1024", "1", "false", "1000", "10000"));
    add(PauseSweep.class, "pause", pause("1024", "2", "true", "1000", "10000"));
  }

  private void collections() {
    Map<String, List<String>> trackers = of("tracker", "DIRTY_LOG", "DIRTY_RING", "WRITE_PROTECT");
    Class<?> sweep = DirtyCollectSweep.class;
    add(sweep, "dirty-collect", trackers, of(Trial.MEBIBYTES, "256"), few());
    add(sweep, "dirty-collect", trackers, of(Trial.MEBIBYTES, "1024", "8192"), many());
  }

  private static Map<String, List<String>> few() {
    return of(DIRTY_PAGES, "100", "1000", "10000");
  }

  private static Map<String, List<String>> many() {
    return of(DIRTY_PAGES, "100", "1000", "10000", "100000");
  }

  /** After a thousand checkpoints memory lies in too many pieces to be mapped. */
  private void restores() {
    Map<String, List<String>> caches = of("cache", "WARM", "COLD");
    Map<String, List<String>> depths = of("depth", "1", "10", "100");
    add(RestoreSweep.class, "restore", of("source", "MAPPED", "PAGED"), depths, caches);
    add(RestoreSweep.class, "restore", of("source", "PAGED"), of("depth", "1000"), caches);
  }

  private static Map<String, List<String>> pause(
      String mebibytes, String vcpus, String hugePages, String... dirtyPages) {
    Map<String, List<String>> values = new LinkedHashMap<>();
    values.put(Trial.MEBIBYTES, List.of(mebibytes));
    values.put("vcpus", List.of(vcpus));
    values.put("hugePages", List.of(hugePages));
    values.put(DIRTY_PAGES, List.of(dirtyPages));
    return values;
  }

  private static Map<String, List<String>> of(String parameter, String... values) {
    return Map.of(parameter, Arrays.asList(values));
  }

  /** Every combination of the parameters' values. */
  @SafeVarargs
  private void add(Class<?> benchmark, String operation, Map<String, List<String>>... parameters) {
    Map<String, List<String>> all = new LinkedHashMap<>();
    for (Map<String, List<String>> some : parameters) {
      all.putAll(some);
    }
    for (Map<String, String> chosen : combinations(all)) {
      trials.add(new Trial(benchmark, operation, chosen));
    }
  }

  static List<Map<String, String>> combinations(Map<String, List<String>> values) {
    List<Map<String, String>> found = List.of(Map.of());
    for (Map.Entry<String, List<String>> parameter : values.entrySet()) {
      List<Map<String, String>> longer = new ArrayList<>();
      for (Map<String, String> one : found) {
        for (String value : parameter.getValue()) {
          Map<String, String> chosen = new LinkedHashMap<>(one);
          chosen.put(parameter.getKey(), value);
          longer.add(chosen);
        }
      }
      found = longer;
    }
    return found;
  }
}
