package dev.torpor.benchmarks;

import dev.torpor.vmm.memory.TrackerKind;

/**
 * How long it takes to learn which pages a paused guest has written to, all over its memory, and to
 * have KVM watch them anew.
 */
final class DirtyCollectBenchmark implements Benchmark {
  private final Operation operation;
  private final int pages;
  private final TrackedWriter writer;

  DirtyCollectBenchmark(Operation operation, int mebibytes, int pages) throws InterruptedException {
    this.operation = operation;
    this.pages = pages;
    Scatter scatter = Scatter.allOver((long) mebibytes << 20, pages);
    writer = new TrackedWriter(TrackerKind.DIRTY_LOG, mebibytes, scatter);
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    try (Cores _ = Cores.keepApart("tracked-writer-vcpu")) {
      return collect(count);
    }
  }

  private Distribution collect(int count) throws InterruptedException {
    long[] samples = new long[count];
    for (int i = 0; i < count; i++) {
      writer.passes();
      samples[i] = writer.collectNanos();
      if (writer.collectedPages() < pages) {
        throw new IllegalStateException(
            "%d pages are dirty, and the guest wrote to %d"
                .formatted(writer.collectedPages(), pages));
      }
    }
    return Distribution.of(samples);
  }

  @Override
  public void close() {
    writer.close();
  }
}
