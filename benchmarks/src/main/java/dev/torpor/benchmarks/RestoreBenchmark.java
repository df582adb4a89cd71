package dev.torpor.benchmarks;

import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.nio.file.Path;

/**
 * How long it takes from a checkpoint, whose files are in the page cache, to the first exit of a
 * guest that continues from it.
 */
final class RestoreBenchmark implements Benchmark {
  private final Operation operation;
  private final RestoreConfig config;
  private final CheckpointChain chain;

  /**
   * Builds a chain of checkpoints.
   *
   * @param memoryByteSize how much memory the guest has
   * @param depth how many, the full one included
   * @param pagesPerLink how many pages each has that its parent had otherwise
   */
  RestoreBenchmark(
      Operation operation,
      Path folder,
      long memoryByteSize,
      int depth,
      int pagesPerLink,
      MemorySource memorySource)
      throws InterruptedException {
    this.operation = operation;
    config = RestoreConfig.named("restored").memorySource(memorySource).build();
    chain = new CheckpointChain(folder, memoryByteSize, depth, pagesPerLink);
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) {
    long[] samples = new long[count];
    for (int i = 0; i < count; i++) {
      long before = System.nanoTime();
      try (Vm vm = chain.restore(config)) {
        WarmVm.runToFirstExit(vm);
        samples[i] = System.nanoTime() - before;
      }
    }
    return Distribution.of(samples);
  }

  @Override
  public void close() {
    chain.close();
  }
}
