package dev.torpor.benchmarks;

import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;

/**
 * How long it takes to pause a VM whose guest never leaves by itself: from the call of {@link
 * Vm#pause} to its return. Between two pauses the guest runs for 200 µs or more, and visibly.
 */
final class KickBenchmark implements Benchmark {
  private static final long RUN_NANOS = 200_000;
  private static final long MEMORY_BYTES = 256L << 20;

  private final Operation operation;
  private final Vm vm;

  KickBenchmark(Operation operation) {
    this.operation = operation;
    vm =
        Vm.create(
            VmConfig.boot(FlatGuest.named("spin")).name("kicked").memory(MEMORY_BYTES).build());
    vm.start();
    vm.pause();
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) {
    try (Cores _ = Cores.keepApart("kicked-vcpu")) {
      return pause(count);
    }
  }

  private Distribution pause(int count) {
    long[] samples = new long[count];
    for (int i = 0; i < count; i++) {
      vm.resume();
      letRun();
      long before = System.nanoTime();
      vm.pause();
      samples[i] = System.nanoTime() - before;
    }
    return Distribution.of(samples);
  }

  private void letRun() {
    long counter = vm.memory().readLong(FlatBoot.WORKSPACE_GPA);
    long start = System.nanoTime();
    while (System.nanoTime() - start < RUN_NANOS
        || vm.memory().readLong(FlatBoot.WORKSPACE_GPA) == counter) {
      Thread.onSpinWait();
    }
  }

  @Override
  public void close() {
    vm.close();
  }
}
