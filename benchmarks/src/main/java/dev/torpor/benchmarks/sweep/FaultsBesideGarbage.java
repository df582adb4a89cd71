package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.FaultingGuest;
import dev.torpor.benchmarks.MissingPages;
import dev.torpor.benchmarks.TimedPages;
import dev.torpor.benchmarks.report.Figures;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * How long page faults take in a JVM that has nothing else to do, and in one that allocates beside:
 * rounds of both, in turns. {@link Collectors} starts one JVM with each garbage collector.
 *
 * <p>Prints a line for each of the two, and when the JVM was warm.
 */
public final class FaultsBesideGarbage implements AutoCloseable {
  private static final int FAULTS_PER_ROUND = 4_000;
  private static final int WARM_UP_ROUNDS = 4;

  private final MissingPages pages;
  private final int rounds;

  private FaultsBesideGarbage(Path folder, int rounds) throws InterruptedException {
    pages = new MissingPages(folder);
    this.rounds = rounds;
  }

  /**
   * Measures, and prints what {@link CollectorResult} reads.
   *
   * @param arguments where a store goes, how many rounds, and how many bytes to allocate a second
   * @throws InterruptedException if the thread is interrupted
   */
  public static void main(String[] arguments) throws InterruptedException {
    try (var faults =
        new FaultsBesideGarbage(Path.of(arguments[0]), Integer.parseInt(arguments[1]))) {
      faults.measure(Long.parseLong(arguments[2]));
    }
  }

  private void measure(long bytesPerSecond) throws InterruptedException {
    for (int i = 0; i < WARM_UP_ROUNDS; i++) {
      round();
    }
    long warmMillis = ManagementFactory.getRuntimeMXBean().getUptime();
    long[] idle = new long[rounds * FAULTS_PER_ROUND];
    long[] beside = new long[rounds * FAULTS_PER_ROUND];
    double allocated = 0;
    for (int i = 0; i < rounds; i++) {
      System.arraycopy(round(), 0, idle, i * FAULTS_PER_ROUND, FAULTS_PER_ROUND);
      try (Garbage garbage = new Garbage(bytesPerSecond)) {
        System.arraycopy(round(), 0, beside, i * FAULTS_PER_ROUND, FAULTS_PER_ROUND);
        allocated += garbage.bytesPerSecond() / rounds;
      }
    }
    System.out.println(
        new CollectorResult(figures(idle), figures(beside), Math.round(allocated), warmMillis)
            .line());
  }

  private long[] round() throws InterruptedException {
    TimedPages source = pages.source(1, FAULTS_PER_ROUND);
    try (FaultingGuest guest = pages.guest(source, 1)) {
      guest.run();
      return source.awaitSamples();
    }
  }

  private static Figures figures(long[] nanos) {
    Arrays.sort(nanos);
    return Figures.nanos(
        nanos[nanos.length / 2],
        nanos[Math.ceilDiv(nanos.length * 99, 100) - 1],
        nanos[nanos.length - 1],
        nanos.length);
  }

  @Override
  public void close() {
    pages.close();
  }
}
