package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.Scatter;
import dev.torpor.benchmarks.TrackedWriter;
import dev.torpor.vmm.memory.TrackerKind;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * How long it takes to learn which pages a paused guest has written to, and to have them watched
 * anew, by the way of tracking, the size of memory and the number of pages.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 1, time = 1)
@Measurement(iterations = 2, time = 1)
public class DirtyCollectSweep {
  /** How its writes are noticed. */
  @Param({"DIRTY_LOG", "DIRTY_RING", "WRITE_PROTECT"})
  public TrackerKind tracker;

  /** How much memory the guest has. */
  @Param({"256", "1024", "8192"})
  public int mebibytes;

  /** How many pages it writes, all over its memory. */
  @Param({"100", "1000", "10000", "100000"})
  public int dirtyPages;

  private TrackedWriter writer;
  private long collectNanos;

  /** For JMH. */
  public DirtyCollectSweep() {}

  /**
   * Starts the guest.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup
  public void startGuest() throws InterruptedException {
    long memoryBytes = (long) mebibytes << 20;
    writer = new TrackedWriter(tracker, mebibytes, Scatter.allOver(memoryBytes, dirtyPages));
  }

  /**
   * Lets the guest write to all of its pages, and stops it.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup(Level.Invocation)
  public void write() throws InterruptedException {
    writer.passes();
  }

  /**
   * Collects.
   *
   * @return how long it took
   */
  @Benchmark
  public long collect() {
    collectNanos = writer.collectNanos();
    return collectNanos;
  }

  /** Notes how long it took, without emptying the set of pages first. */
  @TearDown(Level.Invocation)
  public void note() {
    if (writer.collectedPages() < dirtyPages) {
      throw new IllegalStateException(
          "%d pages are dirty, and the guest wrote to %d"
              .formatted(writer.collectedPages(), dirtyPages));
    }
    Recorder.time("dirty-collect", collectNanos);
  }

  /** Ends the guest. */
  @TearDown
  public void close() {
    writer.close();
  }
}
