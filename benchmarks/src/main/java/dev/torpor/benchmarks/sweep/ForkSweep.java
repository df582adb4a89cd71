package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.ScratchStore;
import dev.torpor.benchmarks.WarmVm;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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
 * How long branching a warm 256 MiB VM takes, the instant included, until the children could run.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 3, time = 2)
public class ForkSweep {
  private static final long MEMORY_BYTES = 256L << 20;

  /** How many children at once. */
  @Param({"1", "10", "100"})
  public int children;

  private ScratchStore scratch;
  private Vm parent;
  private List<RestoreConfig> configs;
  private List<Vm> made;

  /** For JMH. */
  public ForkSweep() {}

  /**
   * Makes the parent, which has its full checkpoint.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup
  public void makeParent() throws InterruptedException {
    scratch = new ScratchStore(SweepFolder.path());
    parent = WarmVm.create(scratch.store(), MEMORY_BYTES);
    parent.checkpoint("").awaitDurable();
    configs =
        IntStream.range(0, children)
            .mapToObj(child -> RestoreConfig.named("child-" + child).build())
            .toList();
  }

  /**
   * Forks.
   *
   * @return the children
   * @throws InterruptedException if the thread is interrupted
   */
  @Benchmark
  public List<Vm> fork() throws InterruptedException {
    made = parent.fork(configs);
    return made;
  }

  /** Ends the children. */
  @TearDown(Level.Invocation)
  public void endChildren() {
    made.forEach(Vm::close);
  }

  /** Ends the parent. */
  @TearDown
  public void close() {
    parent.close();
    scratch.close();
  }
}
