package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.WritingVm;
import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * How many checkpoints a second become durable in the background, for as long as it shall last,
 * each of which has all the pages that its guest writes: the next is taken as soon as the guest has
 * written to them again, and not too many are on their way. A host's clean-up removes all but the
 * newest few.
 */
final class SustainedRate implements AutoCloseable {
  private static final int MOST_ON_THEIR_WAY = 8;
  private static final int KEPT = 16;
  private static final int REMOVED_AT_ONCE = 16;
  private static final int PAGE_BYTES = 4096;
  private static final double MIB = 1 << 20;

  private final WritingVm writer;
  private final long pages;
  private final Deque<Checkpoint> onTheirWay = new ArrayDeque<>();
  private final Samples pauses = new Samples();
  private final Samples durables = new Samples();
  private final Samples stored = new Samples();
  private final Samples changed = new Samples();
  private final List<Footprint> footprints = new ArrayList<>();
  private long writingNanos;

  /** What the process holds at a moment. */
  private record Footprint(String when, long residentBytes, long heapBytes) {}

  /** Starts the guest, and takes its first checkpoint, which has all of its memory. */
  SustainedRate(Path folder, WritingVm.Shape shape) throws InterruptedException {
    pages = shape.scatter().pages();
    writer = new WritingVm(folder, shape, CheckpointListener.NONE);
    writer.checkpoint().awaitDurable();
  }

  /** Measures for so long. */
  Outcome measure(Duration time) throws InterruptedException {
    long start = System.nanoTime();
    long end = start + time.toNanos();
    long middle = start + time.toNanos() / 2;
    long apart = 0;
    while (System.nanoTime() - end < 0) {
      takeOne();
      if (footprints.isEmpty()) {
        apart += weigh("start");
      } else if (footprints.size() == 1 && System.nanoTime() - middle > 0) {
        apart += weigh("middle");
      }
    }
    while (!onTheirWay.isEmpty()) {
      settleOldest();
    }
    long nanos = System.nanoTime() - start - apart;
    weigh("end");
    return outcome(nanos);
  }

  private void takeOne() throws InterruptedException {
    long before = System.nanoTime();
    writer.awaitAllDirty();
    writingNanos += System.nanoTime() - before;
    onTheirWay.add(writer.checkpoint());
    if (onTheirWay.size() > MOST_ON_THEIR_WAY) {
      settleOldest();
    }
  }

  private void settleOldest() throws InterruptedException {
    Checkpoint checkpoint = onTheirWay.remove().awaitDurable();
    writer.requireAllPages(checkpoint);
    pauses.add(checkpoint.pause().toNanos());
    durables.add(checkpoint.durableAfter().toNanos());
    stored.add(checkpoint.storedBytes());
    changed.add(checkpoint.dirtyPages() * PAGE_BYTES);
    if (stored.count() % REMOVED_AT_ONCE == 0) {
      writer.removeAllBut(KEPT + onTheirWay.size());
    }
  }

  /** Returns how long it took: a garbage collection, so that only what is in use counts. */
  private long weigh(String when) {
    long start = System.nanoTime();
    System.gc();
    long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
    long resident = OwnMemory.residentBytes(OwnMemory.of(writer.vm().memory()));
    footprints.add(new Footprint(when, resident, heap));
    return System.nanoTime() - start;
  }

  private Outcome outcome(long nanos) {
    String name = "sustained, " + pages + " pages: ";
    double seconds = (double) nanos / TimeUnit.SECONDS.toNanos(1);
    List<Note> notes = new ArrayList<>();
    notes.add(new Note(name + "durable", stored.count() / seconds, "a second"));
    notes.add(new Note(name + "for", seconds, "s"));
    notes.add(
        new Note(name + "of that, the guest had yet to write", 100.0 * writingNanos / nanos, "%"));
    notes.add(new Note(name + "stored to changed", (double) stored.sum() / changed.sum(), "times"));
    for (Footprint one : footprints) {
      notes.add(new Note(name + "resident, " + one.when(), one.residentBytes() / MIB, "MiB"));
      notes.add(new Note(name + "heap, " + one.when(), one.heapBytes() / MIB, "MiB"));
    }
    return new Outcome(rows(), notes);
  }

  private List<Row> rows() {
    Map<String, String> parameters = Map.of("dirtyPages", Long.toString(pages));
    return List.of(
        Row.ofTorpor("sustained-pause", parameters, pauses.figures(Figures.NANOS)),
        Row.ofTorpor("sustained-durable", parameters, durables.figures(Figures.NANOS)),
        Row.ofTorpor("stored-bytes", parameters, stored.figures(Figures.BYTES)));
  }

  @Override
  public void close() {
    writer.close();
  }
}
