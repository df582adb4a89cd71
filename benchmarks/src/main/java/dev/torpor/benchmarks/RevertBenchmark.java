package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Note;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * How long it takes to bring a running guest back, in place, that has written to so many pages
 * since: from the call to its return, when the guest runs on from where it was.
 */
final class RevertBenchmark implements Benchmark {

  private final Operation operation;
  private final Scatter scatter;
  private final ScratchStore scratch;
  private final Vm vm;
  private final Checkpoint target;
  private long reverts;
  private long nanos;

  /**
   * Takes the checkpoint before the guest's first instruction, so that its pages are in no pass.
   */
  RevertBenchmark(Operation operation, Path folder, long memoryByteSize, long pages)
      throws InterruptedException {
    this.operation = operation;
    scatter = Scatter.allOver(memoryByteSize, pages);
    scratch = new ScratchStore(folder);
    vm =
        Vm.create(
            VmConfig.boot(scatter.guest())
                .name("reverted")
                .memory(memoryByteSize)
                .store(scratch.store())
                .build());
    scatter.fill(vm.memory());
    target = vm.checkpoint("").awaitDurable();
    vm.start();
    vm.pause();
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    vm.resume();
    try (Cores _ = Cores.keepApart("reverted-vcpu")) {
      return revert(count);
    } finally {
      vm.pause();
    }
  }

  private Distribution revert(int count) throws InterruptedException {
    long[] samples = new long[count];
    for (int i = 0; i < count; i++) {
      scatter.awaitEndOf(vm.memory(), 1);
      long before = System.nanoTime();
      vm.revertTo(target);
      samples[i] = System.nanoTime() - before;
    }
    reverts = count;
    nanos = 0;
    for (long sample : samples) {
      nanos += sample;
    }
    return Distribution.of(samples);
  }

  /** Of the last round, which is as warm as it gets. */
  @Override
  public List<Note> notes() {
    double perSecond = (double) reverts * TimeUnit.SECONDS.toNanos(1) / nanos;
    return List.of(new Note(operation.label() + " rate", Math.rint(perSecond), "a second"));
  }

  @Override
  public void close() {
    vm.close();
    scratch.close();
  }
}
