package dev.torpor.vmm.memory;

/** Takes the contents of pages, from one thread at a time. */
@FunctionalInterface
public interface PageSink {
  /**
   * Takes consecutive pages.
   *
   * @param firstPage the first page; page {@code i} is guest memory at backing offset {@code i *
   *     4096}
   * @param pageCount how many, at least 1
   * @param address the HVA of their contents, valid during the call only
   */
  void accept(long firstPage, int pageCount, long address);
}
