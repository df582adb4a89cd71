package dev.torpor.vmm.memory;

import java.lang.foreign.MemorySegment;

/** Takes the contents of pages, from one thread at a time. */
@FunctionalInterface
public interface PageSink {
  /**
   * Takes consecutive pages.
   *
   * @param firstPage the first page; page {@code i} is guest memory at backing offset {@code i *
   *     4096}
   * @param contents their bytes, at least those of one page; valid during the call only
   */
  void accept(long firstPage, MemorySegment contents);
}
