package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.snapshot.ImageWriter;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.memory.PageSink;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Copies pages of a guest that may be running into an image. Each page goes through a buffer first:
 * what is checksummed must be what is stored, whatever the guest writes meanwhile. Not thread-safe.
 */
final class PageCopier {
  /** How many pages are handed on at once: 1 MiB, which stays in the processor's cache. */
  private static final int BATCH = 256;

  private final GuestMemory memory;
  private final MemorySegment buffer = Arena.ofAuto().allocate((long) BATCH * BYTES, BYTES);
  private final long[] pages = new long[BATCH];
  private int gathered;

  PageCopier(GuestMemory memory) {
    this.memory = memory;
  }

  /**
   * Copies the pages of a set, in rising order.
   *
   * @param set the pages, all of them present
   * @param writer where to
   * @param betweenBatches may throw to end it
   */
  void copy(PageSet set, ImageWriter writer, Runnable betweenBatches) {
    long page = set.next(0);
    while (page >= 0) {
      betweenBatches.run();
      int count = 0;
      while (page >= 0 && count < BATCH) {
        pages[count] = page;
        memory.readPage(page, buffer, (long) count * BYTES);
        count++;
        page = set.next(page + 1);
      }
      writer.put(pages, count, buffer.asSlice(0, (long) count * BYTES));
    }
  }

  /**
   * What puts pages together that come one by one.
   *
   * @return a sink for one thread; {@link #flushTo} comes after the last page
   */
  PageSink sinkTo(ImageWriter writer) {
    gathered = 0;
    return (firstPage, contents) -> {
      int count = (int) (contents.byteSize() / BYTES);
      for (int i = 0; i < count; i++) {
        if (gathered == BATCH) {
          flushTo(writer);
        }
        MemorySegment.copy(contents, (long) i * BYTES, buffer, (long) gathered * BYTES, BYTES);
        pages[gathered++] = firstPage + i;
      }
    };
  }

  /** Hands on what a sink has gathered. */
  void flushTo(ImageWriter writer) {
    writer.put(pages, gathered, buffer.asSlice(0, (long) gathered * BYTES));
    gathered = 0;
  }
}
