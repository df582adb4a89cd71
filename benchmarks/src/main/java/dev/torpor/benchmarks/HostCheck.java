package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Quantity;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What of the host's state would disturb a measurement, and what to do about it. */
final class HostCheck {
  private static final double MOST_LOAD_PER_CORE = 0.5;
  private static final long MOST_UNWRITTEN_BYTES = 256L << 20;

  private HostCheck() {}

  /**
   * Looks.
   *
   * @param cores how many the host has
   * @param neededBytes how much memory the run will use
   * @return a line for each disturbance
   */
  static List<String> disturbances(HostState host, int cores, long neededBytes) {
    List<String> found = new ArrayList<>();
    checkProcessors(host, cores, found);
    checkMemory(host, neededBytes, found);
    return found;
  }

  private static void checkProcessors(HostState host, int cores, List<String> found) {
    host.governor()
        .filter(governor -> !governor.equals("performance"))
        .ifPresent(
            governor ->
                found.add(
                    "the processors' clock rates change (governor %s): cpupower frequency-set -g performance"
                        .formatted(governor)));
    if (host.load().orElse(0) > MOST_LOAD_PER_CORE * cores) {
      found.add(
          String.format(
              Locale.ROOT,
              "others are at work (load %.2f on %d cores): end them, or wait",
              host.load().getAsDouble(),
              cores));
    }
  }

  private static void checkMemory(HostState host, long neededBytes, List<String> found) {
    if (host.freeMemoryBytes().orElse(Long.MAX_VALUE) < neededBytes) {
      found.add(
          "%s of memory are free, and this run may use %s: end others, or leave operations out with --only"
              .formatted(bytes(host.freeMemoryBytes().getAsLong()), bytes(neededBytes)));
    }
    if (host.usedSwapBytes().orElse(0) > 0) {
      found.add(
          "%s of memory are swapped out: free memory, then swapoff -a && swapon -a"
              .formatted(bytes(host.usedSwapBytes().getAsLong())));
    }
    if (host.hugePages().orElse("").equals("never")) {
      found.add(
          "guests get no huge pages: echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
    }
    if (host.unwrittenBytes().orElse(0) > MOST_UNWRITTEN_BYTES) {
      found.add(
          "%s wait to be written to disks: sync"
              .formatted(bytes(host.unwrittenBytes().getAsLong())));
    }
  }

  private static String bytes(long count) {
    return Quantity.text(count, Figures.BYTES);
  }
}
