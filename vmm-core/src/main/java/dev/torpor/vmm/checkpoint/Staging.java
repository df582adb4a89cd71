package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.snapshot.ImageWriter;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Room for pages that are copied while the guest is paused. It is there, and was touched, before:
 * so that the copy takes neither a fault nor an allocation, unless more has to be copied than ever.
 * Not thread-safe.
 */
final class Staging {
  private static final int FIRST_CAPACITY = 1024;

  private MemorySegment room;
  private long[] pages = new long[FIRST_CAPACITY];
  private int count;

  Staging() {
    room = allocate(FIRST_CAPACITY);
  }

  /** Zeroed by the arena, and thereby touched. */
  private static MemorySegment allocate(int capacity) {
    return Arena.ofAuto().allocate((long) capacity * BYTES, BYTES);
  }

  /** How many pages fit without allocating. */
  int capacity() {
    return pages.length;
  }

  /** Copies pages as they are, in place of what was staged before. */
  void take(GuestMemory memory, PageSet set) {
    int needed = Math.toIntExact(set.count());
    if (needed > pages.length) {
      int capacity = Math.max(needed, 2 * pages.length);
      pages = new long[capacity];
      room = allocate(capacity);
    }
    count = 0;
    for (long page = set.next(0); page >= 0; page = set.next(page + 1)) {
      pages[count] = page;
      memory.readPage(page, room, (long) count * BYTES);
      count++;
    }
  }

  /** Hands on what was staged, and forgets it. */
  void drainTo(ImageWriter writer) {
    int done = 0;
    while (done < count) {
      int part = Math.min(count - done, PageCopier.BATCH);
      writer.put(
          Arrays.copyOfRange(pages, done, done + part),
          part,
          room.asSlice((long) done * BYTES, (long) part * BYTES));
      done += part;
    }
    count = 0;
  }
}
