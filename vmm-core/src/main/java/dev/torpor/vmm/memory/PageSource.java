package dev.torpor.vmm.memory;

import java.lang.foreign.MemorySegment;

/**
 * Where the pages of a paged VM come from. Page {@code i} is the 4 KiB of guest memory at backing
 * offset {@code i * 4096}.
 *
 * <p>The contents are immutable: a page read twice reads the same. Readers are made from any
 * thread, and several of them read at once.
 */
public interface PageSource {
  /**
   * How many pages there are.
   *
   * @return the number of pages of the memory that it is for
   */
  long pageCount();

  /**
   * Makes a reader for one thread.
   *
   * @param buffer where the reader puts pages: native memory, page-aligned, a positive number of
   *     whole pages
   * @return the reader
   */
  Reader reader(MemorySegment buffer);

  /** Reads pages into its own buffer. One thread at a time; allocates nothing when warm. */
  interface Reader {
    /**
     * Reads consecutive pages, as many as one step gives: those that lie together, or all those
     * that are zero. Nothing unverified is ever returned.
     *
     * @param firstPage the first page
     * @param maxPages how many at most, from 1 to what the buffer holds
     * @return how many pages the buffer now holds from its start, at least 1; or, negated, how many
     *     pages are all zero, the buffer then being undefined
     * @throws dev.torpor.snapshot.SnapshotFormatException if stored contents are not what they were
     * @throws java.io.UncheckedIOException if they cannot be read
     */
    int read(long firstPage, int maxPages);
  }
}
