package dev.torpor.vmm.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Brings pages in, for one thread: reads them from the source into a buffer of its own, supplies
 * them, and only then notes them as present.
 */
final class PageIn {
  /** How many pages one step moves at most. */
  static final int BUFFER_PAGES = 64;

  private final PresentPages present;
  private final UserFaults faults;
  private final MemorySegment buffer;
  private final PageSource.Reader reader;

  PageIn(PageSource source, UserFaults faults, PresentPages present) {
    this.faults = faults;
    this.present = present;
    buffer =
        Arena.ofAuto().allocate(BUFFER_PAGES * MemoryLayout.PAGE_BYTES, MemoryLayout.PAGE_BYTES);
    reader = source.reader(buffer);
  }

  /**
   * Brings in consecutive pages, as many as the source gives in one step.
   *
   * @param page the first
   * @param end the page behind the last that is wanted; at least one is
   * @return how many are present now, from the first on; 0 if the mapping is changing, in which
   *     case it must be tried again
   */
  int bringIn(long page, long end) {
    int wanted = (int) Math.min(BUFFER_PAGES, Math.min(end, faults.stripeEnd(page)) - page);
    int given = reader.read(page, wanted);
    int count = Math.abs(given);
    if (count < 1 || count > wanted) {
      throw new IllegalStateException(
          "the source gave %d pages for page %d, of %d wanted".formatted(given, page, wanted));
    }
    long supplied = faults.supply(page, count, given > 0 ? buffer.address() : 0);
    present.add(page, supplied);
    return (int) supplied;
  }
}
