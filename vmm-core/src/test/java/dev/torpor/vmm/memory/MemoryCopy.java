package dev.torpor.vmm.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;

/** A copy of part of guest memory, by page, and what has changed since it was taken. */
final class MemoryCopy {
  private static final int PAGE = 4096;
  private static final int HOLE_START_PAGE = 3 << 18;
  private static final long HOLE_BYTES = 1L << 30;

  private final GuestMemory memory;
  private final int firstPage;
  private final int pageCount;
  private final MemorySegment copy;
  private final MemorySegment page = Arena.ofAuto().allocate(PAGE, PAGE);

  MemoryCopy(GuestMemory memory, long gpa, long byteCount) {
    this.memory = memory;
    long offset = gpa < 3L << 30 ? gpa : gpa - HOLE_BYTES;
    firstPage = (int) (offset / PAGE);
    pageCount = (int) (byteCount / PAGE);
    copy = Arena.ofAuto().allocate(byteCount, PAGE);
    for (int i = 0; i < pageCount; i++) {
      update(i);
    }
  }

  private void update(int index) {
    memory.read(gpaOf(firstPage + index), copy.asSlice((long) index * PAGE, PAGE));
  }

  static long gpaOf(long page) {
    return page < HOLE_START_PAGE ? page * PAGE : page * PAGE + HOLE_BYTES;
  }

  /** Copies those of the pages that lie in this part of memory. */
  void update(PageSet pages) {
    for (long at = pages.next(firstPage);
        at >= 0 && at < firstPage + pageCount;
        at = pages.next(at + 1)) {
      update((int) at - firstPage);
    }
  }

  /** The pages whose contents are no longer those of the copy. */
  BitSet changed() {
    BitSet changed = new BitSet();
    for (int i = 0; i < pageCount; i++) {
      memory.read(gpaOf(firstPage + i), page);
      if (page.mismatch(copy.asSlice((long) i * PAGE, PAGE)) >= 0) {
        changed.set(firstPage + i);
      }
    }
    return changed;
  }

  /** Those of the pages that lie in this part of memory. */
  BitSet within(PageSet pages) {
    BitSet members = PageSetTest.toBitSet(pages);
    members.clear(0, firstPage);
    members.clear(firstPage + pageCount, Math.max(firstPage + pageCount, members.length()));
    return members;
  }
}
