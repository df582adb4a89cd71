package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Note;
import dev.torpor.snapshot.WorkingSet;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * How soon a restored guest has written to the pages of its working set, all of which are paged:
 * from the call that restores it. They are brought in ahead, as recorded, or when they are missed.
 */
final class WorkingSetBenchmark implements Benchmark {
  private static final long MEMORY_BYTES = 256L << 20;
  private static final Duration RECORDING = Duration.ofMillis(500);

  private final Operation operation;
  private final Scatter scatter;
  private final ScratchStore scratch;
  private final RestoreConfig config;
  private final UUID checkpoint;
  private long recordedPages;

  /** Takes the checkpoint, and records the working set if it shall be brought in. */
  WorkingSetBenchmark(Operation operation, Path folder, Scatter scatter, boolean prefetch)
      throws InterruptedException {
    this.operation = operation;
    this.scatter = scatter;
    config = restore().prefetch(prefetch).build();
    scratch = new ScratchStore(folder);
    checkpoint = takeCheckpoint();
    if (prefetch) {
      record();
    }
  }

  static Scatter together(long pages) {
    return Scatter.together(MEMORY_BYTES, pages);
  }

  static Scatter allOver(long pages) {
    return Scatter.allOver(MEMORY_BYTES, pages);
  }

  private static RestoreConfig.Builder restore() {
    return RestoreConfig.named("restored").memorySource(MemorySource.PAGED);
  }

  private UUID takeCheckpoint() throws InterruptedException {
    VmConfig original =
        VmConfig.boot(scatter.guest())
            .name("original")
            .memory(MEMORY_BYTES)
            .store(scratch.store())
            .build();
    try (Vm vm = Vm.create(original)) {
      scatter.fill(vm.memory());
      return vm.checkpoint("").awaitDurable().uuid();
    }
  }

  private void record() {
    RestoreConfig recording = restore().prefetch(false).recordWorkingSet(RECORDING).build();
    try (Vm vm = Vm.restore(scratch.store(), checkpoint, recording)) {
      vm.start();
      scatter.awaitEndOf(vm.memory(), 1);
    }
    recordedPages =
        scratch.store().readWorkingSet(checkpoint).orElseThrow().runs().stream()
            .mapToLong(WorkingSet.Run::pageCount)
            .sum();
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
        vm.start();
        scatter.awaitEndOf(vm.memory(), 1);
        samples[i] = System.nanoTime() - before;
      }
    }
    return Distribution.of(samples);
  }

  @Override
  public List<Note> notes() {
    return config.prefetch()
        ? List.of(new Note(operation.label() + " recorded", (double) recordedPages, "pages"))
        : List.of();
  }

  @Override
  public void close() {
    scratch.close();
  }
}
