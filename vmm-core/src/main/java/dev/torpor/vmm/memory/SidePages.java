package dev.torpor.vmm.memory;

import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;

/**
 * Copies of pages that were about to be overwritten, until they are fetched. Many threads put, one
 * fetches; neither waits nor allocates.
 */
final class SidePages implements AutoCloseable {
  private final Mapping mapping;
  private final long[] pages;
  private final IndexStack free;
  private final IndexStack full;

  SidePages(int capacity) {
    mapping = Mapping.anonymous(capacity * MemoryLayout.PAGE_BYTES, Mapping.MAP_NORESERVE);
    pages = new long[capacity];
    free = new IndexStack(capacity);
    full = new IndexStack(capacity);
    for (int slot = capacity - 1; slot >= 0; slot--) {
      free.push(slot);
    }
  }

  /** Reserves a slot; -1 if there is none. */
  int reserve() {
    return free.pop();
  }

  /** Gives a slot back. */
  void release(int slot) {
    free.push(slot);
  }

  /** Copies a page into a reserved slot, and hands it over. */
  void put(int slot, long page, MemorySegment memory) {
    MemorySegment.copy(
        memory,
        page * MemoryLayout.PAGE_BYTES,
        mapping.segment(),
        slot * MemoryLayout.PAGE_BYTES,
        MemoryLayout.PAGE_BYTES);
    pages[slot] = page;
    full.push(slot);
  }

  /** Takes a slot that holds a page; -1 if there is none. The taker releases it. */
  int fetch() {
    return full.pop();
  }

  long pageOf(int slot) {
    return pages[slot];
  }

  MemorySegment contentsOf(int slot) {
    return mapping.segment().asSlice(slot * MemoryLayout.PAGE_BYTES, MemoryLayout.PAGE_BYTES);
  }

  @Override
  public void close() {
    mapping.close();
  }
}
