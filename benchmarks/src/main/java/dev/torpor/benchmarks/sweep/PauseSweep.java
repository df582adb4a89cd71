package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.Scatter;
import dev.torpor.benchmarks.WritingVm;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointListener;
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
 * How long a checkpoint stops a guest that goes on writing, by the size of its memory, how many
 * pages it has written since the last, its vCPUs, and the host's pages. JMH's own figure is that of
 * the call, which copies ahead first; the pause is in it.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 2, time = 3)
public class PauseSweep {
  /** From the instant until the checkpoint is durable, which is recorded beside the pause. */
  static final String DURABLE = "durable";

  /** How much memory the guest has. */
  @Param({"256", "1024", "8192"})
  public int mebibytes;

  /** How many pages it writes, all over its memory. */
  @Param({"100", "1000", "10000", "100000"})
  public int dirtyPages;

  /** How many vCPUs write. */
  @Param({"1", "2"})
  public int vcpus;

  /** Whether its memory may lie in pages of 2 MiB. */
  @Param({"true", "false"})
  public boolean hugePages;

  private WritingVm writer;
  private Checkpoint checkpoint;

  /** For JMH. */
  public PauseSweep() {}

  /**
   * Starts the guest, and takes its first checkpoint, which has all of its memory.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup
  public void startGuest() throws InterruptedException {
    long memoryBytes = (long) mebibytes << 20;
    Scatter scatter = Scatter.allOver(memoryBytes, dirtyPages).sharedBy(vcpus);
    writer =
        new WritingVm(
            SweepFolder.path(),
            new WritingVm.Shape(memoryBytes, scatter, hugePages),
            CheckpointListener.NONE);
    writer.checkpoint().awaitDurable();
  }

  /** Lets the guest write to all of its pages. */
  @Setup(Level.Invocation)
  public void awaitAllDirty() {
    writer.awaitAllDirty();
  }

  /**
   * Takes a checkpoint.
   *
   * @return the checkpoint
   * @throws InterruptedException if the thread is interrupted
   */
  @Benchmark
  public Checkpoint pause() throws InterruptedException {
    checkpoint = writer.checkpoint();
    return checkpoint;
  }

  /**
   * Notes what it took, and waits until it is durable.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @TearDown(Level.Invocation)
  public void note() throws InterruptedException {
    writer.requireAllPages(checkpoint);
    Recorder.time("pause", checkpoint.pause().toNanos());
    Recorder.time(DURABLE, checkpoint.awaitDurable().durableAfter().toNanos());
    writer.removeAllBut(1);
  }

  /** Ends the guest. */
  @TearDown
  public void close() {
    writer.close();
  }
}
