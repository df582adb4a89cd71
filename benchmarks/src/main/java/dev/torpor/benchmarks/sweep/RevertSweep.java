package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.Scatter;
import dev.torpor.benchmarks.ScratchStore;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
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

/** Taking a running 256 MiB guest back in place, by how many pages it has written to since. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 2, time = 2)
public class RevertSweep {
  private static final long MEMORY_BYTES = 256L << 20;

  /** How many pages it has written to, all over its memory. */
  @Param({"10", "100", "1000", "10000"})
  public int dirtyPages;

  private Scatter scatter;
  private ScratchStore scratch;
  private Vm vm;
  private Checkpoint target;

  /** For JMH. */
  public RevertSweep() {}

  /**
   * Takes the checkpoint before the guest's first instruction, so that its pages are in no pass.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup
  public void startGuest() throws InterruptedException {
    scatter = Scatter.allOver(MEMORY_BYTES, dirtyPages);
    scratch = new ScratchStore(SweepFolder.path());
    vm =
        Vm.create(
            VmConfig.boot(scatter.guest())
                .name("reverted")
                .memory(MEMORY_BYTES)
                .store(scratch.store())
                .build());
    scatter.fill(vm.memory());
    target = vm.checkpoint("").awaitDurable();
    vm.start();
  }

  /** Lets the guest write to all of its pages. */
  @Setup(Level.Invocation)
  public void awaitAllDirty() {
    scatter.awaitEndOf(vm.memory(), 1);
  }

  /**
   * Goes back.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Benchmark
  public void revert() throws InterruptedException {
    vm.revertTo(target);
  }

  /** Ends the guest. */
  @TearDown
  public void close() {
    vm.close();
    scratch.close();
  }
}
