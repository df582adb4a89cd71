package dev.torpor.benchmarks;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Manifest;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Path;

/**
 * How fast a pager brings missing pages in: from one page that the guest stops at to the next,
 * while it writes to one page after the other and each time so many are brought in together. They
 * come out of a checkpoint's layer, and each is verified.
 *
 * <p>The machine that faults is put together by hand, so that the source can be one that measures.
 */
final class FaultBenchmark implements Benchmark {
  private static final long MEMORY_BYTES = 256L << 20;

  /** All but those that hold the program. */
  private static final long PAGES = (MEMORY_BYTES >> 12) - 1024;

  private final Operation operation;
  private final int clusterPages;
  private final Scatter scatter = Scatter.together(MEMORY_BYTES, PAGES);
  private final ScratchStore scratch;
  private final Image image;

  FaultBenchmark(Operation operation, Path folder, int clusterPages) throws InterruptedException {
    this.operation = operation;
    this.clusterPages = clusterPages;
    scratch = new ScratchStore(folder);
    VmConfig original =
        VmConfig.boot(scatter.guest())
            .name("original")
            .memory(MEMORY_BYTES)
            .store(scratch.store())
            .build();
    try (Vm vm = Vm.create(original)) {
      scatter.fill(vm.memory());
      Manifest manifest = scratch.store().read(vm.checkpoint("").awaitDurable().uuid());
      image = Image.open(scratch.store().layers(), manifest.memory());
    }
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    TimedPages source = new TimedPages(image, clusterPages, count);
    try (FaultingGuest guest = new FaultingGuest(scatter, MEMORY_BYTES, source, clusterPages)) {
      guest.run();
      return Distribution.of(source.awaitSamples());
    }
  }

  @Override
  public void close() {
    scratch.close();
  }
}
