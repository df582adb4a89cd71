package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.WritingVm;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How much less a guest gets done that writes to its memory as fast as it can while checkpoints are
 * taken of it at an even distance, than one of which none is ever taken. Both live in this process,
 * and run in turns. Of the checkpoints only the newest is kept.
 */
final class Slowdown implements AutoCloseable {
  private static final Duration LONGEST_WARM_UP = Duration.ofSeconds(1);
  private static final Duration NEVER = Duration.ofDays(1);

  private final WritingVm undisturbed;
  private final WritingVm checkpointed;
  private final String work;
  private long taken;
  private long nanosTaken;

  /**
   * Makes both guests, paused; the one has its first checkpoint, which has all of its memory.
   *
   * @param work what the guests do, for the notes
   */
  Slowdown(Path folder, WritingVm.Shape shape, String work) throws InterruptedException {
    this.work = work;
    undisturbed = new WritingVm(folder, shape, CheckpointListener.NONE);
    undisturbed.vm().pause();
    checkpointed = new WritingVm(folder, shape, CheckpointListener.NONE);
    checkpointed.checkpoint().awaitDurable();
    checkpointed.vm().pause();
  }

  /**
   * Measures what is left of it when there is no further checkpoint: that the host watches which
   * pages the guest writes, and therefore has its memory in pages of 4 KiB.
   */
  Outcome measureWatching(Duration each, int rounds) throws InterruptedException {
    return measure("watched, no further checkpoint, " + work + ": ", NEVER, each, rounds);
  }

  /**
   * Measures one distance between checkpoints.
   *
   * @param interval from one checkpoint to the next
   * @param each how long each guest runs in each round
   * @param rounds how many; the median of their slowdowns counts
   */
  Outcome measure(Duration interval, Duration each, int rounds) throws InterruptedException {
    String name = "checkpoint every " + interval.toMillis() + " ms, " + work + ": ";
    return measure(name, interval, each, rounds);
  }

  private Outcome measure(String name, Duration interval, Duration each, int rounds)
      throws InterruptedException {
    Duration warmUp = each.compareTo(LONGEST_WARM_UP) < 0 ? each : LONGEST_WARM_UP;
    work(warmUp, interval);
    undisturbedWork(warmUp);
    taken = 0;
    nanosTaken = 0;
    double[] slowdowns = new double[rounds];
    for (int i = 0; i < rounds; i++) {
      double without = undisturbedWork(each);
      slowdowns[i] = 1 - work(each, interval) / without;
    }
    return new Outcome(List.of(), notes(name, slowdowns));
  }

  private List<Note> notes(String name, double[] slowdowns) {
    Arrays.sort(slowdowns);
    List<Note> notes = new ArrayList<>();
    notes.add(new Note(name + "slowdown", percent(slowdowns[slowdowns.length / 2]), "%"));
    notes.add(new Note(name + "least of the rounds", percent(slowdowns[0]), "%"));
    notes.add(new Note(name + "most", percent(slowdowns[slowdowns.length - 1]), "%"));
    double perSecond = (double) taken * TimeUnit.SECONDS.toNanos(1) / nanosTaken;
    notes.add(new Note(name + "taken", perSecond, "a second"));
    return notes;
  }

  private static double percent(double share) {
    return 100 * share;
  }

  /** Passes a second of the guest that is left alone. */
  private double undisturbedWork(Duration time) throws InterruptedException {
    undisturbed.vm().resume();
    long passes = undisturbed.passes();
    long start = System.nanoTime();
    Thread.sleep(time);
    double done = perSecond(undisturbed.passes() - passes, System.nanoTime() - start);
    undisturbed.vm().pause();
    return done;
  }

  /** Passes a second of the other. */
  private double work(Duration time, Duration interval) throws InterruptedException {
    checkpointed.vm().resume();
    long passes = checkpointed.passes();
    long start = System.nanoTime();
    Pace pace = new Pace(interval);
    Checkpoint last = null;
    while (pace.awaitTick(start + time.toNanos())) {
      Checkpoint next = checkpointed.checkpoint();
      taken++;
      if (last != null) {
        last.awaitDurable();
        checkpointed.removeAllBut(2);
      }
      last = next;
    }
    long nanos = System.nanoTime() - start;
    double done = perSecond(checkpointed.passes() - passes, nanos);
    nanosTaken += nanos;
    checkpointed.vm().pause();
    if (last != null) {
      last.awaitDurable();
    }
    return done;
  }

  private static double perSecond(long passes, long nanos) {
    return (double) passes * TimeUnit.SECONDS.toNanos(1) / nanos;
  }

  @Override
  public void close() {
    undisturbed.close();
    checkpointed.close();
  }
}
