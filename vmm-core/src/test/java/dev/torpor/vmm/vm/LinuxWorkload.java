package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Processes in a Linux guest that write, compute and look at the clock without end, and each check
 * what they did. Errors go to {@code /tmp/errors}, finished rounds to {@code /tmp/rounds}.
 */
final class LinuxWorkload {
  private static final Set<String> NAMES = Set.of("clock", "files", "memory", "pages", "pipes");
  private static final String MARK = "torpor-workload-begins";
  private static final long POLL_MILLIS = 200;

  /**
   * What a kernel may say: that it has collected enough randomness; that a timer's interrupt took
   * long, or that it looked at its clocks later than it meant to, but found that they agree; that
   * it was interrupted while it read one, and so did not compare them this time. All but the first
   * tell of an emulated processor that others use too. An interrupt also takes as long as the
   * machine was away if its clocks catch up with that; that others stand still is tested by
   * themselves.
   */
  private static final String HARMLESS =
      "crng init done|hrtimer: interrupt took [0-9]{1,11} ns|Long readout interval"
          + "|wd-(tsc-)?wd read-back delay of [0-9]{1,9}ns";

  /** Writes files with fsync, and reads those of earlier rounds back from the disk itself. */
  private static final String FILES =
      """
      n=0
      while [ ! -e /tmp/stop ]; do
        f=/load/f$((n % 6))
        if [ $n -ge 6 ]; then
          [ "$(dd if=$f bs=4096 iflag=direct 2>/dev/null | md5sum)" = "$(cat $f.sum)" ] ||
            echo "$f, round $n" >>/tmp/errors
        fi
        dd if=/dev/urandom of=$f bs=4096 count=$((8 + n % 25)) conv=fsync 2>/dev/null ||
          echo "writing $f, round $n" >>/tmp/errors
        md5sum <$f >$f.sum
        mkdir /load/d$n && cp $f.sum /load/d$n/sum && rm -rf /load/d$((n - 3)) ||
          echo "folder $n" >>/tmp/errors
        n=$((n + 1))
        echo $n >/tmp/rounds/files
      done
      rm /tmp/running/files
      """;

  /** Fills an array with what it can compute again; an awk's numbers are floating-point. */
  private static final String MEMORY =
      """
      awk 'BEGIN {
        while ((getline line <"/tmp/stop") < 0) {
          round++
          for (i = 0; i < 1000; i++) a[i] = (i + 0.5) / 7 * round
          for (i = 0; i < 1000; i++)
            if (a[i] != (i + 0.5) / 7 * round) { print "a[" i "], round " round >>"/tmp/errors"; close("/tmp/errors") }
          print round >"/tmp/rounds/memory"; close("/tmp/rounds/memory")
        }
      }'
      rm /tmp/running/memory
      """;

  /** Copies memory around, through the page cache of a tmpfs. */
  private static final String PAGES =
      """
      dd if=/dev/urandom of=/tmp/pages bs=65536 count=16 2>/dev/null
      sum=$(md5sum </tmp/pages)
      n=0
      while [ ! -e /tmp/stop ]; do
        cp /tmp/pages /tmp/copy
        [ "$(md5sum </tmp/copy)" = "$sum" ] || echo "pages, round $n" >>/tmp/errors
        mv /tmp/copy /tmp/pages
        n=$((n + 1))
        echo $n >/tmp/rounds/pages
      done
      rm /tmp/running/pages
      """;

  /** Starts processes that talk through pipes. */
  private static final String PIPES =
      """
      n=0
      while [ ! -e /tmp/stop ]; do
        [ "$(seq 1 100 | sort -rn | awk '{ s += $1 * NR } END { print s }')" = 171700 ] ||
          echo "pipes, round $n" >>/tmp/errors
        n=$((n + 1))
        echo $n >/tmp/rounds/pipes
      done
      rm /tmp/running/pipes
      """;

  /** Looks whether a clock goes back, between sleeps of 50 ms. */
  private static final String CLOCK =
      """
      n=0 up=0 wall=0
      while [ ! -e /tmp/stop ]; do
        read new idle </proc/uptime
        new=${new%.*}${new#*.}
        [ $new -ge $up ] || echo "uptime went back from $up to $new" >>/tmp/errors
        up=$new
        new=$(date +%s)
        [ $new -ge $wall ] || echo "date went back from $wall to $new" >>/tmp/errors
        wall=$new
        usleep 50000
        n=$((n + 1))
        echo $n >/tmp/rounds/clock
      done
      rm /tmp/running/clock
      """;

  private static final Map<String, String> SCRIPTS =
      Map.of("clock", CLOCK, "files", FILES, "memory", MEMORY, "pages", PAGES, "pipes", PIPES);

  private final LinuxMachine machine;

  private LinuxWorkload(LinuxMachine machine) {
    this.machine = machine;
  }

  /** Starts it in a guest that has just booted. */
  static LinuxWorkload start(LinuxMachine machine) throws InterruptedException {
    LinuxWorkload workload = new LinuxWorkload(machine);
    machine.run("mkdir -p /load /tmp/rounds /tmp/running; : >/tmp/errors");
    for (Map.Entry<String, String> script : SCRIPTS.entrySet()) {
      String name = script.getKey();
      machine.run("cat >/load/%s <<'END'\n%sEND".formatted(name, script.getValue()));
      machine.run("touch /tmp/running/%s; echo 0 >/tmp/rounds/%s".formatted(name, name));
    }
    machine.run("echo %s >/dev/kmsg; sync".formatted(MARK));
    for (String name : NAMES) {
      // In a shell of its own, so that the one at the console does not tell when it ends.
      machine.run("(sh /load/%s </dev/null >/dev/null 2>>/tmp/errors &)".formatted(name));
    }
    return workload;
  }

  /** The same workload, in a guest that continues. */
  static LinuxWorkload in(LinuxMachine machine) {
    return new LinuxWorkload(machine);
  }

  /** How many rounds each process has finished. */
  Map<String, Long> rounds() throws InterruptedException {
    long deadline = System.nanoTime() + LinuxMachine.PATIENCE.toNanos();
    while (true) {
      String printed = machine.run("cd /tmp/rounds; grep . *; cd /");
      Map<String, Long> rounds = parsed(printed);
      if (rounds.keySet().equals(NAMES)) {
        return rounds;
      }
      if (System.nanoTime() > deadline) { // a file is empty only for a moment, while it is written
        throw new AssertionError(
            "not what the processes write: %s; %s".formatted(printed, machine.run("ps")));
      }
    }
  }

  private static Map<String, Long> parsed(String lines) {
    return lines
        .lines()
        .map(line -> line.split(":", -1))
        .collect(Collectors.toMap(parts -> parts[0], parts -> Long.valueOf(parts[1])));
  }

  /** Waits until each process has finished some rounds more. */
  void awaitRounds(Map<String, Long> before, int more) throws InterruptedException {
    long deadline = System.nanoTime() + LinuxMachine.PATIENCE.toNanos();
    Map<String, Long> now = rounds();
    while (!haveAdvanced(before, now, more)) {
      if (System.nanoTime() > deadline) {
        throw new AssertionError(
            "some process stands still: rounds %s, then %s; %s"
                .formatted(before, now, machine.run("ps")));
      }
      Thread.sleep(POLL_MILLIS);
      now = rounds();
    }
  }

  private static boolean haveAdvanced(Map<String, Long> before, Map<String, Long> now, int rounds) {
    return NAMES.stream().allMatch(name -> now.get(name) >= before.getOrDefault(name, 0L) + rounds);
  }

  /** Asserts that neither the processes nor the kernel have noticed anything. */
  void assertUnharmed() throws InterruptedException {
    assertThat(machine.run("cat /tmp/errors")).as("what the workload found").isEmpty();
    assertThat(machine.run("dmesg | sed '1,/%s/d' | grep -vE '%s'".formatted(MARK, HARMLESS)))
        .as("what the kernel has said since the start of the workload")
        .isEmpty();
  }

  /** Ends it, checks all files once more, and leaves the disk unmounted as far as a root can be. */
  void finish() throws InterruptedException {
    machine.run("touch /tmp/stop; while [ -n \"$(ls /tmp/running)\" ]; do usleep 100000; done");
    assertUnharmed();
    assertThat(
            machine.run(
                "sync; for f in /load/f?; do"
                    + " [ \"$(dd if=$f bs=4096 iflag=direct 2>/dev/null | md5sum)\""
                    + " = \"$(cat $f.sum)\" ] || echo $f; done"))
        .as("files that differ from their checksums")
        .isEmpty();
    assertThat(machine.run("mount -o remount,ro /; echo $?")).isEqualTo("0");
  }
}
