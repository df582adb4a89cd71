package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.CheckpointChain;
import dev.torpor.benchmarks.WarmVm;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
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
 * From a checkpoint to the first exit of a 256 MiB guest that continues from it, by where its
 * memory comes from, by how many checkpoints lie before it, and by whether its files are in the
 * page cache. The store is opened anew each time, before the time is taken.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 2, time = 2)
public class RestoreSweep {
  private static final long MEMORY_BYTES = 256L << 20;
  private static final int PAGES_PER_LINK = 4;

  /** What of the files is in memory beforehand. */
  public enum Cache {
    /** All that was read before. */
    WARM,
    /** Nothing. */
    COLD
  }

  /** Where memory comes from. */
  @Param({"MAPPED", "PAGED"})
  public MemorySource source;

  /** How many checkpoints the chain has, of which each changes 4 pages. */
  @Param({"1", "10", "100", "1000"})
  public int depth;

  /** What is in the page cache. */
  @Param({"WARM", "COLD"})
  public Cache cache;

  private CheckpointChain chain;
  private RestoreConfig config;
  private Store store;
  private Vm vm;

  /** For JMH. */
  public RestoreSweep() {}

  /**
   * Takes the checkpoints.
   *
   * @throws InterruptedException if the thread is interrupted
   */
  @Setup
  public void makeChain() throws InterruptedException {
    chain = new CheckpointChain(SweepFolder.path(), MEMORY_BYTES, depth, PAGES_PER_LINK);
    config = RestoreConfig.named("restored").memorySource(source).build();
  }

  /** Opens the store, and brings the page cache into its state. */
  @Setup(Level.Invocation)
  public void openStore() {
    store = chain.reopen();
    if (cache == Cache.COLD) {
      chain.dropFromPageCache();
    }
  }

  /**
   * Restores, and runs to the first exit.
   *
   * @return the VM
   */
  @Benchmark
  public Vm restore() {
    vm = chain.restore(store, config);
    WarmVm.runToFirstExit(vm);
    return vm;
  }

  /** Ends the VM. */
  @TearDown(Level.Invocation)
  public void closeStore() {
    vm.close();
    store.close();
  }

  /** Deletes the checkpoints. */
  @TearDown
  public void close() {
    chain.close();
  }
}
