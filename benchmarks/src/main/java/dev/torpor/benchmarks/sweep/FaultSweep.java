package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.FaultingGuest;
import dev.torpor.benchmarks.MissingPages;
import dev.torpor.benchmarks.TimedPages;
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
 * From one missing page that a guest stops at to the next, by how many pages each brings in, and
 * what the thread allocates that does. JMH's own figure is that of a whole guest.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4)
@Measurement(iterations = 10)
public class FaultSweep {
  private static final int MOST_FAULTS = 5_000;

  /** How many pages each fault brings in. */
  @Param({"1", "16", "64"})
  public int clusterPages;

  private MissingPages pages;
  private TimedPages source;
  private FaultingGuest guest;
  private long[] samples;

  /** For JMH. */
  public FaultSweep() {}

  /**
   * Takes the checkpoint that the pages come from.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup
  public void takeCheckpoint() throws InterruptedException {
    pages = new MissingPages(SweepFolder.path());
  }

  /** Makes a guest in memory of which nothing is there. */
  @Setup(Level.Iteration)
  public void makeGuest() {
    int faults = Math.min(MOST_FAULTS, MissingPages.faults(clusterPages));
    source = pages.source(clusterPages, faults);
    guest = pages.guest(source, clusterPages);
  }

  /**
   * Runs it through so many faults.
   *
   * @return how long each took
   * @throws InterruptedException if the thread is interrupted
   */
  @Benchmark
  public long[] fault() throws InterruptedException {
    guest.run();
    samples = source.awaitSamples();
    return samples;
  }

  /** Notes what they took, and ends the guest. */
  @TearDown(Level.Iteration)
  public void note() {
    for (long nanos : samples) {
      Recorder.time("fault", nanos);
    }
    Recorder.allocated(source.allocatedBytesPerCluster());
    guest.close();
  }

  /** Deletes the checkpoint. */
  @TearDown
  public void close() {
    pages.close();
  }
}
