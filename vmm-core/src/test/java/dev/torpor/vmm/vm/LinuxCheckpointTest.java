package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Store;
import dev.torpor.testing.LinuxGuestTest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Checkpoints of a Linux guest in the middle of its work: its processes check what they do, the
 * kernel complains of nothing, the file system is clean and the clock is right, wherever and
 * however often the guest continues from them.
 *
 * <p>{@code TORPOR_LINUX_ROUNDS=20} continues from one checkpoint 20 times in each way.
 */
@LinuxGuestTest
@Timeout(value = 1500, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class LinuxCheckpointTest {
  private static final int ROUNDS =
      Integer.parseInt(Optional.ofNullable(System.getenv("TORPOR_LINUX_ROUNDS")).orElse("3"));

  /** After as many, each file was overwritten once and verified. */
  private static final int WARM_UP = 8;

  private static final long AWAY_SECONDS = 5;

  /** Odd: memory is paged in. */
  private static final int PAGED_ROUND = 1;

  private static final long BEGUN = System.nanoTime();

  @TempDir private Path folder;
  private Store store;
  private DiskCheck disk;

  @BeforeEach
  void openStore() {
    store = Store.open(folder.resolve("store"));
    disk = new DiskCheck(folder);
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  /** A checkpoint under load, with what was known of the guest right before. */
  private record Instant(
      UUID uuid, Map<String, Long> rounds, GuestUptime uptime, long leastNanos, long mostNanos) {
    static Instant of(LinuxMachine machine, String label) throws InterruptedException {
      Map<String, Long> rounds = LinuxWorkload.in(machine).rounds();
      GuestUptime uptime = GuestUptime.of(machine);
      long before = System.nanoTime();
      Checkpoint checkpoint = machine.vm().checkpoint(label);
      long after = System.nanoTime();
      checkpoint.awaitDurable();
      report(
          machine,
          "stood for %s, %d pages dirty, %d KiB stored, durable after %s"
              .formatted(
                  checkpoint.pause(),
                  checkpoint.dirtyPages(),
                  checkpoint.storedBytes() >> 10,
                  checkpoint.durableAfter()));
      return new Instant(checkpoint.uuid(), rounds, uptime, before, after);
    }

    /** Asserts that the guest's clock stood from then until a time between two. */
    void assertClockStoodUntil(long least, long most, LinuxMachine machine)
        throws InterruptedException {
      GuestUptime.of(machine).assertLaterBy(uptime, least - mostNanos, most - leastNanos);
    }
  }

  /** For whoever watches: under emulation all of this takes minutes. */
  private static void report(LinuxMachine machine, String what) {
    long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - BEGUN);
    System.out.printf("%4d s: %s %s%n", seconds, machine.vm().name(), what);
  }

  private Instant begin(LinuxMachine machine) throws Exception {
    report(machine, "has booted");
    LinuxWorkload workload = LinuxWorkload.start(machine);
    workload.awaitRounds(Map.of(), WARM_UP);
    report(machine, "works: " + workload.rounds());
    Instant instant = Instant.of(machine, "under-load");
    disk.assertCleanAfterJournal(store, instant.uuid());
    report(machine, "has a disk that its journal makes clean");
    check(machine, instant);
    return instant;
  }

  private void check(LinuxMachine machine, Instant since) throws InterruptedException {
    LinuxWorkload workload = LinuxWorkload.in(machine);
    workload.awaitRounds(since.rounds(), 0); // it is no earlier than the instant
    workload.awaitRounds(workload.rounds(), 2);
    workload.assertUnharmed();
    report(machine, "works on: " + workload.rounds());
  }

  /** Ends the guest's work, and checks its disk as it leaves it. */
  private void finish(LinuxMachine machine) throws Exception {
    LinuxWorkload.in(machine).finish();
    UUID end = machine.checkpoint("end").uuid();
    disk.assertClean(store, end);
    var _ = store.remove(end);
    report(machine, "has ended its work, and left a clean disk");
  }

  private LinuxMachine restored(Instant instant, RestoreConfig.Builder config)
      throws InterruptedException {
    long before = System.nanoTime();
    LinuxMachine machine = LinuxMachine.restore(store, instant.uuid(), config);
    machine.vm().start();
    long after = System.nanoTime();
    if (config.build().clock() == GuestClock.CONTINUE) {
      instant.assertClockStoodUntil(before, after, machine);
    } else {
      GuestUptime.of(machine).assertLaterBy(instant.uptime(), 0, after - before);
    }
    return machine;
  }

  private void restoreAndFinish(Instant instant, int round) throws Exception {
    RestoreConfig.Builder config =
        RestoreConfig.named("restored-" + round)
            .memorySource(round % 2 == 0 ? MemorySource.MAPPED : MemorySource.PAGED);
    try (LinuxMachine machine = restored(instant, config)) {
      check(machine, instant);
      finish(machine);
    }
  }

  private void revert(LinuxMachine machine, Instant instant, int round) throws Exception {
    machine.run("touch /tmp/given-up /load/given-up; sync");
    long before = System.nanoTime();
    machine.vm().revertTo(instant.uuid());
    long after = System.nanoTime();
    instant.assertClockStoodUntil(before, after, machine);
    assertThat(machine.run("ls /tmp/given-up /load/given-up 2>/dev/null"))
        .as("files written after the instant, in round %d", round)
        .isEmpty();
    check(machine, instant);
  }

  @Test
  void aGuestAtWorkContinuesFromACheckpointAgainAndAgain() throws Exception {
    try (LinuxMachine first = LinuxMachine.boot(store, 1)) {
      Instant instant = begin(first);
      for (int round = 0; round < ROUNDS; round++) {
        revert(first, instant, round);
      }
      finish(first);
      first.vm().revertTo(instant.uuid());
      finish(first);
      first.vm().stop();
      for (int round = 0; round < ROUNDS; round++) {
        restoreAndFinish(instant, round);
      }
      continueForGenerations(instant);
    }
  }

  /** The checkpoint of a restored machine restores again, and so does the next. */
  private void continueForGenerations(Instant first) throws Exception {
    Instant instant = first;
    for (int generation = 1; generation <= 2; generation++) {
      RestoreConfig.Builder config =
          RestoreConfig.named("generation-" + generation)
              .memorySource(generation % 2 == 0 ? MemorySource.BEST : MemorySource.PAGED);
      try (LinuxMachine machine = restored(instant, config)) {
        check(machine, instant);
        instant = Instant.of(machine, "generation-" + generation);
        check(machine, instant);
        disk.assertCleanAfterJournal(store, instant.uuid());
      }
    }
    restoreAndFinish(instant, PAGED_ROUND);
  }

  @Test
  void twoVcpusAtWorkContinueAndTheirClocksCatchUp() throws Exception {
    try (LinuxMachine first = LinuxMachine.boot(store, 2)) {
      Instant instant = begin(first);
      revert(first, instant, 0);
      first.vm().stop(); // leaves the processor to the others
      RestoreConfig.Builder soon = RestoreConfig.named("soon").memorySource(MemorySource.PAGED);
      try (LinuxMachine machine = restored(instant, soon)) {
        check(machine, instant);
      }
      TimeUnit.SECONDS.sleep(AWAY_SECONDS);
      RestoreConfig.Builder late = RestoreConfig.named("late").clock(GuestClock.CATCH_UP);
      try (LinuxMachine machine = restored(instant, late)) {
        check(machine, instant);
        assertThat(machine.run("nproc")).isEqualTo("2");
        finish(machine);
      }
    }
  }

  @Test
  void aBranchedGuestAndItsChildrenDoNotSeeEachOthersFiles() throws Exception {
    try (LinuxMachine parent = LinuxMachine.boot(store, 1)) {
      LinuxWorkload workload = LinuxWorkload.start(parent);
      workload.awaitRounds(Map.of(), WARM_UP);
      Map<String, Long> rounds = workload.rounds();
      List<LinuxMachine> children = parent.fork("left", "right");
      try (LinuxMachine left = children.get(0);
          LinuxMachine right = children.get(1)) {
        left.vm().start();
        right.vm().start();
        List<LinuxMachine> family = List.of(parent, left, right);
        for (LinuxMachine one : family) {
          String name = one.vm().name();
          one.run("echo %s | tee /load/own-%s >/tmp/own-%s; sync".formatted(name, name, name));
        }
        for (LinuxMachine one : family) {
          LinuxWorkload own = LinuxWorkload.in(one);
          own.awaitRounds(rounds, 0);
          own.awaitRounds(own.rounds(), 2);
          String name = one.vm().name();
          assertThat(one.run("cat /load/own-* /tmp/own-*; echo /load/own-* /tmp/own-*"))
              .isEqualTo("%s\n%s\n/load/own-%s /tmp/own-%s".formatted(name, name, name, name));
          finish(one);
        }
      }
    }
  }
}
