package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.ExitingGuest;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** From one write of a guest to a device to the next, and what the run loop allocates for it. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 2)
public class ExitSweep {
  private static final int EXITS = 10_000;

  private final long[] samples = new long[EXITS];
  private ExitingGuest guest;

  /** For JMH. */
  public ExitSweep() {}

  /** Makes the guest. */
  @Setup
  public void makeGuest() {
    guest = new ExitingGuest();
  }

  /**
   * Many exits of a running guest.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Benchmark
  @OperationsPerInvocation(EXITS)
  public void exit() throws InterruptedException {
    guest.run(samples);
    for (long nanos : samples) {
      Recorder.time("exit", nanos);
    }
    Recorder.allocated(guest.allocatedBytesPerExit());
  }

  /** Ends the guest. */
  @TearDown
  public void close() {
    guest.close();
  }
}
