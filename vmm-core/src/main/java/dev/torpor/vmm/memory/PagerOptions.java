package dev.torpor.vmm.memory;

import java.time.Duration;

/**
 * How a {@link Pager} works.
 *
 * @param threads how many threads answer faults, each for its own stretch of memory, from 1 to 4;
 *     one for each vCPU serves well
 * @param clusterPages how many pages a fault brings in, in an aligned cluster around the missing
 *     one: a power of two from 1 to 512, where 1 brings in no neighbours
 * @param recording how long faults are recorded, from the first one on; up to a day
 */
public record PagerOptions(int threads, int clusterPages, Duration recording) {
  private static final int DEFAULT_CLUSTER_PAGES = 16;
  private static final int MAX_CLUSTER_PAGES = 512;
  private static final Duration LONGEST_RECORDING = Duration.ofDays(1);
  private static final Duration DEFAULT_RECORDING = Duration.ofSeconds(5);

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException if one is out of its range
   */
  public PagerOptions {
    if (threads < 1 || threads > UserFaults.MAX_STRIPES) {
      throw new IllegalArgumentException(
          "%d fault threads: from 1 to %d".formatted(threads, UserFaults.MAX_STRIPES));
    }
    if (clusterPages < 1
        || clusterPages > MAX_CLUSTER_PAGES
        || Integer.bitCount(clusterPages) != 1) {
      throw new IllegalArgumentException(
          "clusters of %d pages: a power of two from 1 to %d"
              .formatted(clusterPages, MAX_CLUSTER_PAGES));
    }
    if (recording.isNegative() || recording.compareTo(LONGEST_RECORDING) > 0) {
      throw new IllegalArgumentException(
          "faults recorded for %s: up to %s".formatted(recording, LONGEST_RECORDING));
    }
  }

  /**
   * What serves a VM well: clusters of 16 pages, faults recorded for 5 seconds.
   *
   * @param vcpuCount how many vCPUs there are, at least 1
   * @return the options
   */
  public static PagerOptions forVcpus(int vcpuCount) {
    return new PagerOptions(
        Math.clamp(vcpuCount, 1, UserFaults.MAX_STRIPES), DEFAULT_CLUSTER_PAGES, DEFAULT_RECORDING);
  }

  /**
   * The same with clusters of another size.
   *
   * @param pageCount a power of two from 1 to 512
   * @return the options
   */
  public PagerOptions withClusterPages(int pageCount) {
    return new PagerOptions(threads, pageCount, recording);
  }

  /**
   * The same with another time of recording.
   *
   * @param duration from zero, which records nothing
   * @return the options
   */
  public PagerOptions withRecording(Duration duration) {
    return new PagerOptions(threads, clusterPages, duration);
  }
}
