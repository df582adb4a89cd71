package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageSet;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Pages of a guest, each as it was when it was last taken. Taking is nothing but a copy: so it
 * outruns a guest that writes, where checksumming and storing would not. Not thread-safe.
 */
final class Staging implements AutoCloseable {
  private static final int CHUNK_PAGES = 2048;
  private static final long CHUNK_BYTES = (long) CHUNK_PAGES * BYTES;
  private static final long HUGE_PAGE_BYTES = 2L << 20;

  /** 32 MiB, which stay for the next checkpoint. */
  private static final int KEPT_CHUNKS = 4;

  private static final long MAX_PAGES = 1 << 17;
  private static final long DROPPED = -1;

  private final GuestMemory memory;
  private final long capacity;
  private final List<Mapping> chunks = new ArrayList<>();

  /** For each page of the guest, its slot plus one; 0 for none. */
  private final int[] slots;

  private long[] pages = new long[CHUNK_PAGES];
  private int count;

  Staging(GuestMemory memory) {
    this.memory = memory;
    slots = new int[Math.toIntExact(memory.pageCount())];
    capacity = Math.min(MAX_PAGES, Math.max(CHUNK_PAGES, memory.pageCount() / 2));
  }

  /** Whether so many pages more can be taken without using an unfair share of the host. */
  boolean hasRoomFor(long pageCount) {
    return count + pageCount <= capacity;
  }

  /** Has the memory for so many pages more there, and touched, before it is needed. */
  void reserve(int pageCount) {
    while ((long) chunks.size() * CHUNK_PAGES < (long) count + pageCount) {
      Mapping chunk = Mapping.anonymousAligned(CHUNK_BYTES, HUGE_PAGE_BYTES, 0);
      chunks.add(chunk);
      touch(chunk);
    }
    if (pages.length < chunks.size() * CHUNK_PAGES) {
      pages = Arrays.copyOf(pages, Math.max(2 * pages.length, chunks.size() * CHUNK_PAGES));
    }
  }

  private static void touch(Mapping chunk) {
    try {
      chunk.advise(0, CHUNK_BYTES, Mapping.Advice.HUGE_PAGE);
    } catch (LinuxException withoutHugePages) {
      // A host that has none: small pages serve as well.
    }
    chunk.segment().fill((byte) 0);
  }

  /** Copies pages as they are; those taken before are replaced. */
  void take(PageSet set) {
    reserve(Math.toIntExact(set.count()));
    for (long page = set.next(0); page >= 0; page = set.next(page + 1)) {
      int slot = slots[(int) page] - 1;
      if (slot < 0) {
        slot = count++;
        pages[slot] = page;
        slots[(int) page] = slot + 1;
      }
      memory.readPage(
          page, chunks.get(slot / CHUNK_PAGES).segment(), (long) (slot % CHUNK_PAGES) * BYTES);
    }
  }

  /** Drops pages: they are taken elsewhere, as they are later. */
  void drop(PageSet set) {
    for (int slot = 0; slot < count; slot++) {
      if (pages[slot] != DROPPED && set.contains(pages[slot])) {
        slots[(int) pages[slot]] = 0;
        pages[slot] = DROPPED;
      }
    }
  }

  /** Drops all pages. */
  void clear() {
    for (int slot = 0; slot < count; slot++) {
      if (pages[slot] != DROPPED) {
        slots[(int) pages[slot]] = 0;
      }
    }
    count = 0;
    while (chunks.size() > KEPT_CHUNKS) {
      chunks.removeLast().close();
    }
  }

  /**
   * Hands on what was taken, and drops it.
   *
   * @param betweenBatches may throw to end it
   */
  void drainTo(ImageWriter writer, Runnable betweenBatches) {
    int slot = 0;
    while (slot < count) {
      if (pages[slot] == DROPPED) {
        slot++;
        continue;
      }
      betweenBatches.run();
      int end = runEnd(slot);
      writer.put(
          Arrays.copyOfRange(pages, slot, end),
          end - slot,
          chunks
              .get(slot / CHUNK_PAGES)
              .segment()
              .asSlice((long) (slot % CHUNK_PAGES) * BYTES, (long) (end - slot) * BYTES));
      slot = end;
    }
    clear();
  }

  /** Where a batch ends that begins with a slot: the longer, the larger its writes. */
  private int runEnd(int first) {
    int limit = Math.min(count, (first / CHUNK_PAGES + 1) * CHUNK_PAGES);
    int end = first + 1;
    while (end < limit && pages[end] != DROPPED) {
      end++;
    }
    return end;
  }

  @Override
  public void close() {
    chunks.forEach(Mapping::close);
    chunks.clear();
  }
}
