package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.WritingVm;
import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * How many checkpoints a second become durable in the background, for as long as it shall last,
 * each of which has all the pages that its guest writes: the next is taken as soon as the guest has
 * written to them again, and not too many are on their way. A thread removes all but the newest few
 * from the store, as a host does that keeps some.
 */
final class SustainedRate implements AutoCloseable {
  private static final int MOST_ON_THEIR_WAY = 8;
  private static final int KEPT = 16;

  /** With so many, old ones are removed. */
  private static final int MOST_KEPT = 32;

  private static final int PAGE_BYTES = 4096;
  private static final double MIB = 1 << 20;

  private final WritingVm writer;
  private final long pages;
  private final Deque<Checkpoint> onTheirWay = new ArrayDeque<>();
  private final Samples pauses = new Samples();
  private final Samples durables = new Samples();
  private final Samples stored = new Samples();
  private final Samples changed = new Samples();
  private final Deque<UUID> kept = new ArrayDeque<>();
  private final List<Footprint> footprints = new ArrayList<>();
  private final ExecutorService remover =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("checkpoint-remover").factory());
  private Future<?> removal = CompletableFuture.completedFuture(null);
  private long writingNanos;

  /** What the process holds at a moment. */
  private record Footprint(String when, long residentBytes, MemoryUsage heap) {
    List<Note> notes(String name) {
      return List.of(
          new Note(name + "resident, " + when, residentBytes / MIB, "MiB"),
          new Note(name + "of that Java's heap, " + when, heap.getCommitted() / MIB, "MiB"),
          new Note(name + "in use of the heap, " + when, heap.getUsed() / MIB, "MiB"));
    }
  }

  /** Starts the guest, and takes its first checkpoint, which has all of its memory. */
  SustainedRate(Path folder, WritingVm.Shape shape) throws InterruptedException {
    pages = shape.scatter().pages();
    writer = new WritingVm(folder, shape, CheckpointListener.NONE);
    writer.checkpoint().awaitDurable();
  }

  /** Measures for so long, after a while that does not count. */
  Outcome measure(Duration warmUp, Duration time) throws InterruptedException {
    takeUntil(System.nanoTime() + warmUp.toNanos());
    forget();
    weigh("start");
    long nanos = takeFor(time.toNanos() / 2);
    weigh("middle");
    nanos += takeFor(time.toNanos() / 2);
    weigh("end");
    return outcome(nanos);
  }

  private void forget() {
    List.of(pauses, durables, stored, changed).forEach(Samples::clear);
    writingNanos = 0;
  }

  /** Returns how long it took until all were durable. */
  private long takeFor(long nanos) throws InterruptedException {
    long start = System.nanoTime();
    takeUntil(start + nanos);
    return System.nanoTime() - start;
  }

  private void takeUntil(long end) throws InterruptedException {
    while (System.nanoTime() - end < 0) {
      takeOne();
    }
    while (!onTheirWay.isEmpty()) {
      settleOldest();
    }
  }

  private void takeOne() throws InterruptedException {
    long before = System.nanoTime();
    writer.awaitAllDirty();
    writingNanos += System.nanoTime() - before;
    onTheirWay.add(writer.vm().checkpoint(""));
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
    kept.add(checkpoint.uuid());
    if (kept.size() >= MOST_KEPT) {
      removeOld();
    }
  }

  /** In the background, unless the one before is not done yet: the store shall not fill up. */
  private void removeOld() throws InterruptedException {
    await(removal);
    List<UUID> old = new ArrayList<>();
    while (kept.size() > KEPT) {
      old.add(kept.remove());
    }
    removal = remover.submit(() -> writer.store().removeAll(old));
  }

  private static void await(Future<?> removal) throws InterruptedException {
    try {
      removal.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("old checkpoints cannot be removed", e.getCause());
    }
  }

  /** Collects garbage first, so that only what is in use counts. */
  private void weigh(String when) throws InterruptedException {
    await(removal);
    System.gc();
    MemoryUsage heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage();
    long resident = OwnMemory.residentBytes(OwnMemory.of(writer.vm().memory()));
    footprints.add(new Footprint(when, resident, heap));
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
    footprints.forEach(one -> notes.addAll(one.notes(name)));
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
    remover.close();
    writer.close();
  }
}
