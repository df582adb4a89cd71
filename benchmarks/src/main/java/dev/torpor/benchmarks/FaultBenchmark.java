package dev.torpor.benchmarks;

import java.nio.file.Path;

/**
 * How fast a pager brings missing pages in: from one page that the guest stops at to the next,
 * while it writes to one page after the other and each time so many are brought in together. They
 * come out of a checkpoint's layer, and each is verified.
 */
final class FaultBenchmark implements Benchmark {
  private final Operation operation;
  private final int clusterPages;
  private final MissingPages pages;

  FaultBenchmark(Operation operation, Path folder, int clusterPages) throws InterruptedException {
    this.operation = operation;
    this.clusterPages = clusterPages;
    pages = new MissingPages(folder);
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    TimedPages source = pages.source(clusterPages, count);
    try (FaultingGuest guest = pages.guest(source, clusterPages)) {
      guest.run();
      try (Cores _ = Cores.keepApart("faulting-guest-vcpu", "torpor-pager")) {
        return Distribution.of(source.awaitSamples());
      }
    }
  }

  @Override
  public void close() {
    pages.close();
  }
}
