package dev.torpor.benchmarks;

import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.nio.file.Path;
import java.util.UUID;

/**
 * How long it takes from a checkpoint, whose files are in the page cache, to the first exit of a
 * guest that continues from it.
 */
final class RestoreBenchmark implements Benchmark {
  private static final int PAGE_BYTES = 4096;

  /** How far apart the pages lie that one link of the chain after the other writes: a prime. */
  private static final long SPACING = 8191;

  private final Operation operation;
  private final ScratchStore scratch;
  private final RestoreConfig config;
  private final UUID checkpoint;

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
    scratch = new ScratchStore(folder);
    try (Vm vm = WarmVm.create(scratch.store(), memoryByteSize)) {
      Checkpoint last = vm.checkpoint("");
      for (int link = 1; link < depth; link++) {
        write(vm, link, pagesPerLink);
        last = vm.checkpoint("");
      }
      checkpoint = last.awaitDurable().uuid();
    }
  }

  private static void write(Vm vm, int link, int pages) {
    long first = FlatBoot.WORKSPACE_GPA / PAGE_BYTES;
    long room = vm.memory().pageCount() - first;
    for (long i = 0; i < pages; i++) {
      long page = first + (link * (long) pages + i) * SPACING % room;
      vm.memory().writeLong(page * PAGE_BYTES, link);
    }
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
      try (Vm vm = Vm.restore(scratch.store(), checkpoint, config)) {
        WarmVm.runToFirstExit(vm);
        samples[i] = System.nanoTime() - before;
      }
    }
    return Distribution.of(samples);
  }

  @Override
  public void close() {
    scratch.close();
  }
}
