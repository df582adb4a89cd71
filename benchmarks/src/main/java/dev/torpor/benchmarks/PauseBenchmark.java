package dev.torpor.benchmarks;

import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointStage;
import java.nio.file.Path;
import java.util.Map;

/**
 * How long a checkpoint stops a guest that has written to so many pages since the last, and goes on
 * writing. The next one is taken when this one is durable.
 */
final class PauseBenchmark implements Benchmark {
  private final Operation operation;
  private final WritingVm writer;
  private final Rounds called = new Rounds();
  private final Rounds writtenOut = new Rounds();
  private final Rounds durable = new Rounds();
  private volatile long capturedNanos;
  private volatile long writtenOutNanos;

  /** Starts the guest, and takes its first checkpoint, which has all of its memory. */
  PauseBenchmark(Operation operation, Path folder, long memoryByteSize, long pages)
      throws InterruptedException {
    this.operation = operation;
    writer = new WritingVm(folder, WritingVm.Shape.of(memoryByteSize, pages), this::note);
    writer.checkpoint().awaitDurable();
    writer.vm().pause();
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
    writer.vm().resume();
    try (Cores _ = Cores.keepApart("writer-vcpu")) {
      return takeCheckpoints(count);
    } finally {
      writer.vm().pause();
    }
  }

  private Distribution takeCheckpoints(int count) throws InterruptedException {
    long[] pauses = new long[count];
    long[] calls = new long[count];
    long[] writtenOuts = new long[count];
    long[] durables = new long[count];
    for (int i = 0; i < count; i++) {
      writer.awaitAllDirty();
      long before = System.nanoTime();
      Checkpoint checkpoint = writer.checkpoint();
      calls[i] = System.nanoTime() - before;
      pauses[i] = checkpoint.pause().toNanos();
      checkpoint.awaitDurable();
      durables[i] = System.nanoTime() - before;
      writtenOuts[i] = writtenOutNanos;
      writer.requireAllPages(checkpoint);
    }
    writer.removeAllBut(1);
    called.add(Distribution.of(calls));
    writtenOut.add(Distribution.of(writtenOuts));
    durable.add(Distribution.of(durables));
    return Distribution.of(pauses);
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
    writer.close();
  }
}
