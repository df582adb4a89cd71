package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.vmm.memory.PageSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Verified copies of pages of one image: a sixteenth of them, or 16 MiB where that is more. Not
 * thread-safe.
 */
final class PageCopies {
  private static final int LEAST_ROOM = 4096;
  private static final int CHUNK_PAGES = 256;

  /** For each page, where its copy is, plus one; 0 for none. */
  private final int[] places;

  private final long[] pages;
  private final MemorySegment[] chunks;
  private int count;

  PageCopies(long pageCount) {
    places = new int[Math.toIntExact(pageCount)];
    pages = new long[Math.max(LEAST_ROOM, places.length / 16)];
    chunks = new MemorySegment[Math.ceilDiv(pages.length, CHUNK_PAGES)];
  }

  /** Forgets all: another image counts from now on. */
  void clear() {
    for (int i = 0; i < count; i++) {
      places[(int) pages[i]] = 0;
    }
    count = 0;
  }

  /** Takes those pages out of a set that are held. */
  void removeHeld(PageSet set) {
    for (long page = set.next(0); page >= 0; page = set.next(page + 1)) {
      if (places[(int) page] != 0) {
        set.remove(page);
      }
    }
  }

  /**
   * Holds pages, whose contents lie one behind the other, as many as there is room for.
   *
   * @return how many that are, of the first
   */
  int hold(long[] newPages, int pageCount, MemorySegment contents) {
    int held = Math.min(pageCount, pages.length - count);
    for (int i = 0; i < held; i++) {
      pages[count] = newPages[i];
      MemorySegment.copy(contents, (long) i * BYTES, at(count), 0, BYTES);
      places[(int) newPages[i]] = ++count;
    }
    return held;
  }

  /** The copy of a page that is held. */
  MemorySegment get(long page) {
    return at(places[(int) page] - 1);
  }

  private MemorySegment at(int place) {
    int chunk = place / CHUNK_PAGES;
    if (chunks[chunk] == null) {
      chunks[chunk] = Arena.ofAuto().allocate((long) CHUNK_PAGES * BYTES, BYTES);
    }
    return chunks[chunk].asSlice((long) (place % CHUNK_PAGES) * BYTES, BYTES);
  }
}
