package dev.torpor.vmm.memory;

import java.util.concurrent.atomic.AtomicLong;

/** Which pages of a paged VM have been brought in. A page is noted after it is there. */
final class PresentPages {
  private final PageBits bits;
  private final AtomicLong count = new AtomicLong();
  private volatile boolean complete;

  PresentPages(long pageCount) {
    bits = new PageBits(pageCount);
  }

  void add(long page, long pages) {
    long added = bits.set(page, pages);
    if (added != 0 && count.addAndGet(added) == bits.pageCount()) {
      complete = true;
    }
  }

  boolean contains(long page) {
    return complete || bits.get(page);
  }

  /** The first page in a range that is missing, or the range's end. */
  long nextMissing(long from, long end) {
    return complete ? end : bits.nextClear(from, end);
  }

  /** The first page in a range that is present, or the range's end. */
  long nextPresent(long from, long end) {
    return bits.nextSet(from, end);
  }

  long count() {
    return count.get();
  }

  boolean isComplete() {
    return complete;
  }
}
