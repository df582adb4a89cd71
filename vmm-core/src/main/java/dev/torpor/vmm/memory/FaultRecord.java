package dev.torpor.vmm.memory;

import java.time.Duration;

/** Which pages were missed in the first seconds. Recorded by many threads at once. */
final class FaultRecord {
  private final PageBits faulted;
  private final long clusterPages;
  private final long nanos;
  private volatile long startNanos;
  private volatile boolean started;
  private volatile boolean ended;

  FaultRecord(long pageCount, int clusterPages, Duration duration) {
    this.faulted = new PageBits(pageCount);
    this.clusterPages = clusterPages;
    this.nanos = duration.toNanos();
    this.ended = duration.isZero();
  }

  void add(long page) {
    if (ended) {
      return;
    }
    long now = System.nanoTime();
    if (!started) {
      // Two first faults at once set nearly the same time.
      startNanos = now;
      started = true;
    }
    if (now - startNanos > nanos) {
      ended = true;
    } else {
      faulted.set(page);
    }
  }

  /** The pages that were missed. */
  PageSet faulted() {
    long pageCount = faulted.pageCount();
    PageSet pages = new PageSet(pageCount);
    long page = faulted.nextSet(0, pageCount);
    while (page < pageCount) {
      pages.add(page);
      page = faulted.nextSet(page + 1, pageCount);
    }
    return pages;
  }

  /**
   * The pages that were missed, and those between them that must have been passed over: between two
   * misses in one cluster, and before a miss of a cluster's first page with one in the cluster
   * before it. There the guest used neighbours that an earlier miss had brought in.
   */
  PageSet inferred() {
    PageSet pages = faulted();
    long previous = pages.next(0);
    while (previous >= 0) {
      long page = pages.next(previous + 1);
      if (page >= 0 && wasPassedOver(previous, page)) {
        pages.addRange(previous, page - previous);
      }
      previous = page;
    }
    return pages;
  }

  private boolean wasPassedOver(long previous, long page) {
    long clusters = page / clusterPages - previous / clusterPages;
    return clusters == 0 || (clusters == 1 && page % clusterPages == 0);
  }
}
