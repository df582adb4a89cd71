package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;

/**
 * A guest's clocks: how far the monotonic one is behind the host's, and the wall clock ahead of it.
 * As reading them takes time, this is known only to lie between bounds.
 */
record GuestUptime(Bounds behindHost, Bounds wallAhead) {
  /** The guest tells its uptime in hundredths of a second, and the rest may be rounding. */
  private static final long RESOLUTION_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  /** Where a time lies, in nanoseconds. */
  record Bounds(long least, long most) {
    Bounds later(long leastNanos, long mostNanos) {
      return new Bounds(least + leastNanos, most + mostNanos);
    }

    boolean mayEqual(Bounds other) {
      return least <= other.most + RESOLUTION_NANOS && other.least <= most + RESOLUTION_NANOS;
    }
  }

  /** Asks a guest. */
  static GuestUptime of(LinuxMachine machine) throws InterruptedException {
    long before = System.nanoTime();
    String[] answer = machine.run("date +%s; cut -d' ' -f1 /proc/uptime; date +%s").split("\n", -1);
    long after = System.nanoTime();
    long uptime = Math.round(Double.parseDouble(answer[1]) * SECOND);
    long wallBefore = Long.parseLong(answer[0]) * SECOND;
    long wallAfter = (Long.parseLong(answer[2]) + 1) * SECOND;
    return new GuestUptime(
        new Bounds(before - uptime, after - uptime),
        new Bounds(wallBefore - uptime, wallAfter - uptime));
  }

  /** Asserts that the guest's clocks stood for a time between these bounds since. */
  void assertLaterBy(GuestUptime earlier, long leastNanos, long mostNanos) {
    Bounds expected = earlier.behindHost.later(leastNanos, mostNanos);
    assertThat(behindHost.mayEqual(expected))
        .as("uptime behind the host's clock: %s, expected %s", behindHost, expected)
        .isTrue();
    assertThat(wallAhead.mayEqual(earlier.wallAhead))
        .as("wall clock ahead of uptime: %s, then %s", earlier.wallAhead, wallAhead)
        .isTrue();
  }
}
