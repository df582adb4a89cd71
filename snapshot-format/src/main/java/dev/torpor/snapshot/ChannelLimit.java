package dev.torpor.snapshot;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps the number of open files low, however many layers an image uses: the one that was opened
 * first is released when there is one too many, and opens itself again when it is read.
 */
final class ChannelLimit {
  private final int maxOpen;
  private final ConcurrentLinkedQueue<PositionedFile> openings = new ConcurrentLinkedQueue<>();
  private final AtomicInteger count = new AtomicInteger();

  ChannelLimit(int maxOpen) {
    this.maxOpen = maxOpen;
  }

  /** Notes that a file was opened. The caller holds no file's lock. */
  void opened(PositionedFile file) {
    openings.add(file);
    if (count.incrementAndGet() > maxOpen) {
      PositionedFile oldest = openings.poll();
      if (oldest != null) {
        count.decrementAndGet();
        oldest.release();
      }
    }
  }
}
