package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;

/**
 * How far a guest's monotonic clock is behind the host's. As reading it takes time, this is known
 * only to lie between two bounds.
 *
 * @param leastNanos the lower bound
 * @param mostNanos the upper bound
 * @param wallSeconds what the guest's wall clock shows more than its uptime, rounded
 */
record GuestUptime(long leastNanos, long mostNanos, long wallSeconds) {
  /** The guest tells its uptime in hundredths of a second, and the rest may be rounding. */
  private static final long RESOLUTION_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** Asks a guest. */
  static GuestUptime of(LinuxMachine machine) throws InterruptedException {
    long before = System.nanoTime();
    String[] answer = machine.run("cut -d' ' -f1 /proc/uptime; date +%s").split("\n", -1);
    long after = System.nanoTime();
    double uptime = Double.parseDouble(answer[0]);
    long nanos = (long) (uptime * TimeUnit.SECONDS.toNanos(1));
    return new GuestUptime(
        before - nanos, after - nanos, Math.round(Long.parseLong(answer[1]) - uptime));
  }

  /** Asserts that the guest was away from its clock for a time between these bounds since. */
  void assertLaterBy(GuestUptime earlier, long leastAwayNanos, long mostAwayNanos) {
    assertThat(leastNanos)
        .as("uptime: %s, then %s", earlier, this)
        .isLessThanOrEqualTo(earlier.mostNanos + mostAwayNanos + RESOLUTION_NANOS);
    assertThat(mostNanos)
        .as("uptime: %s, then %s", earlier, this)
        .isGreaterThanOrEqualTo(earlier.leastNanos + leastAwayNanos - RESOLUTION_NANOS);
    assertThat(wallSeconds)
        .as("wall clock against uptime")
        .isBetween(earlier.wallSeconds - 1, earlier.wallSeconds + 1);
  }
}
