package dev.torpor.benchmarks;

import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;

/** How long a VM with 256 MiB of new memory takes to be made, or to be made and closed. */
final class VmBenchmark implements Benchmark {
  private static final VmConfig CONFIG =
      VmConfig.boot(FlatGuest.named("doorbell-echo"))
          .name("short-lived")
          .memory(256L << 20)
          .build();

  private final Operation operation;
  private final boolean untilClosed;

  VmBenchmark(Operation operation, boolean untilClosed) {
    this.operation = operation;
    this.untilClosed = untilClosed;
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
      Vm vm = Vm.create(CONFIG);
      long made = System.nanoTime();
      vm.close();
      samples[i] = (untilClosed ? System.nanoTime() : made) - before;
    }
    return Distribution.of(samples);
  }

  @Override
  public void close() {}
}
