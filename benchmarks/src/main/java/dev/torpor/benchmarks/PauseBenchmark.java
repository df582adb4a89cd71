package dev.torpor.benchmarks;

import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointStage;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * How long a checkpoint stops a guest that has written to so many pages since the last, and goes on
 * writing. The next one is taken when this one is durable.
 */
final class PauseBenchmark implements Benchmark {
  private final Operation operation;
  private final Scatter scatter;
  private final ScratchStore scratch;
  private final Vm vm;
  private final Rounds called = new Rounds();
  private final Rounds writtenOut = new Rounds();
  private final Rounds durable = new Rounds();
  private final List<UUID> taken = new ArrayList<>();
  private volatile long capturedNanos;
  private volatile long writtenOutNanos;

  /** Starts the guest, and takes its first checkpoint, which has all of its memory. */
  PauseBenchmark(Operation operation, Path folder, long memoryByteSize, long pages)
      throws InterruptedException {
    this.operation = operation;
    scatter = Scatter.allOver(memoryByteSize, pages);
    scratch = new ScratchStore(folder);
    vm =
        Vm.create(
            VmConfig.boot(scatter.guest())
                .name("writer")
                .memory(memoryByteSize)
                .store(scratch.store())
                .checkpointListener(this::note)
                .build());
    vm.start();
    scatter.awaitEndOf(vm.memory(), 1);
    taken.add(vm.checkpoint("").awaitDurable().uuid());
  }

  private void note(Checkpoint checkpoint) {
    if (checkpoint.stage() == CheckpointStage.CAPTURED) {
      capturedNanos = System.nanoTime();
    } else if (checkpoint.stage() == CheckpointStage.WRITTEN) {
      writtenOutNanos = System.nanoTime() - capturedNanos;
    }
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    long[] pauses = new long[count];
    long[] calls = new long[count];
    long[] writtenOuts = new long[count];
    long[] durables = new long[count];
    for (int i = 0; i < count; i++) {
      // The pass that is under way may have begun before the last checkpoint.
      scatter.awaitEndOf(vm.memory(), scatter.lastPass(vm.memory()) + 2);
      long before = System.nanoTime();
      Checkpoint checkpoint = vm.checkpoint("");
      calls[i] = System.nanoTime() - before;
      pauses[i] = checkpoint.pause().toNanos();
      checkpoint.awaitDurable();
      durables[i] = System.nanoTime() - before;
      writtenOuts[i] = writtenOutNanos;
      requireAllPages(checkpoint);
      taken.add(checkpoint.uuid());
    }
    removeAllButLast();
    called.add(Distribution.of(calls));
    writtenOut.add(Distribution.of(writtenOuts));
    durable.add(Distribution.of(durables));
    return Distribution.of(pauses);
  }

  private void requireAllPages(Checkpoint checkpoint) {
    if (checkpoint.dirtyPages() < scatter.pages()) {
      throw new IllegalStateException(
          "a checkpoint of %d pages, of which the guest wrote %d"
              .formatted(checkpoint.dirtyPages(), scatter.pages()));
    }
  }

  private void removeAllButLast() {
    while (taken.size() > 1) {
      scratch.store().remove(taken.removeFirst());
    }
  }

  @Override
  public void forget() {
    called.clear();
    writtenOut.clear();
    durable.clear();
  }

  /**
   * How long the caller waits, how long after the capture the checkpoint is written out, and how
   * long after the call it is on the disk.
   */
  @Override
  public Map<String, Rounds> alongside() {
    return Map.of("checkpoint-call", called, "written-out", writtenOut, "durable", durable);
  }

  @Override
  public void close() {
    vm.close();
    scratch.close();
  }
}
