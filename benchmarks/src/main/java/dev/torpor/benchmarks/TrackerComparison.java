package dev.torpor.benchmarks;

import dev.torpor.vmm.memory.TrackerKind;
import java.util.Arrays;
import java.util.Locale;

/**
 * What the ways of tracking dirty pages cost: a table, by tracker, size of memory and number of
 * pages that the guest wrote since the last collection.
 *
 * <pre>
 * java --enable-native-access=ALL-UNNAMED -cp 'benchmarks/target/app/*' \
 *     dev.torpor.benchmarks.TrackerComparison
 * </pre>
 *
 * <p>Collections are timed with the guest paused. The last column is what two of the guest's passes
 * over its pages take longer after a collection than before tracking was started, divided by the
 * number of pages: the cost of a page's first write, or of several where its ring was too small.
 */
public final class TrackerComparison {
  private static final int WARM_UPS = 5;
  private static final int[] MEBIBYTES = {256, 1024, 8192};
  private static final int SCATTERED_PAGES = 2_000;
  private static final int MANY_PAGES = 100_000;

  private TrackerComparison() {}

  /**
   * Measures and prints.
   *
   * @param arguments the names of trackers, or none for all
   * @throws InterruptedException if the thread is interrupted
   */
  public static void main(String[] arguments) throws InterruptedException {
    System.out.printf(
        "%-14s %8s %12s %12s %12s %12s%n",
        "tracker", "memory", "dirty pages", "collect p50", "p99", "first write");
    for (TrackerKind kind : TrackerKind.values()) {
      if (arguments.length == 0 || Arrays.asList(arguments).contains(kind.name())) {
        compare(kind);
      }
    }
  }

  private static void compare(TrackerKind kind) throws InterruptedException {
    for (int mebibytes : MEBIBYTES) {
      idle(kind, mebibytes);
      written(kind, mebibytes, SCATTERED_PAGES, 16, 40);
      if (mebibytes == 1024) {
        written(kind, mebibytes, MANY_PAGES, 1, 8);
      }
    }
  }

  /** Collections that find nothing. */
  private static void idle(TrackerKind kind, int mebibytes) throws InterruptedException {
    try (TrackedWriter writer =
        new TrackedWriter(kind, mebibytes, Scatter.spaced(SCATTERED_PAGES, 16))) {
      writer.passes();
      long[] samples = new long[500];
      for (int i = -WARM_UPS; i < samples.length; i++) {
        long nanos = writer.collectNanos();
        if (i >= 0) {
          samples[i] = nanos;
        }
      }
      print(kind, mebibytes, 0, Distribution.of(samples), Double.NaN);
    }
  }

  private static void written(TrackerKind kind, int mebibytes, int pages, int spacing, int count)
      throws InterruptedException {
    try (TrackedWriter writer =
        new TrackedWriter(kind, mebibytes, Scatter.spaced(pages, spacing))) {
      long[] collections = new long[count];
      long[] armed = new long[count];
      for (int i = -WARM_UPS; i < count; i++) {
        long armedNanos = writer.passes();
        long collectNanos = writer.collectNanos();
        if (i >= 0) {
          armed[i] = armedNanos;
          collections[i] = collectNanos;
        }
      }
      double firstWriteNanos =
          (double) (Distribution.of(armed).p50Nanos() - writer.untrackedNanos()) / pages;
      print(kind, mebibytes, pages, Distribution.of(collections), firstWriteNanos);
    }
  }

  private static void print(
      TrackerKind kind, int mebibytes, int pages, Distribution collect, double firstWriteNanos) {
    String firstWrite =
        Double.isNaN(firstWriteNanos)
            ? "-"
            : String.format(Locale.ROOT, "%.1f µs", firstWriteNanos / 1e3);
    System.out.printf(
        Locale.ROOT,
        "%-14s %,4d MiB %,12d %9.1f µs %9.1f µs %12s%n",
        kind,
        mebibytes,
        pages,
        collect.p50Nanos() / 1e3,
        collect.p99Nanos() / 1e3,
        firstWrite);
  }
}
