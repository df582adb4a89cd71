package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.ImageWriter;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.PageSet;

/**
 * Copies what the guest has written while it runs on, again and again, until so little was written
 * meanwhile that the pause can take it. Not thread-safe.
 */
final class CopyAhead {
  /** Pages whose copying is lost in the noise of a pause. */
  private static final int FEW = 32;

  private static final int MAX_ROUNDS = 12;

  private final DirtyTracker tracker;
  private final PageCopier copier;
  private final PageSet round;

  CopyAhead(DirtyTracker tracker, PageCopier copier, long pageCount) {
    this.tracker = tracker;
    this.copier = copier;
    this.round = new PageSet(pageCount);
  }

  /**
   * Goes on until little is left, or copying cannot keep up with the guest.
   *
   * @param written all that is to be in the checkpoint; what the guest writes is added
   * @param uncopied what the writer does not have as it is now; few pages in the end, if possible
   * @param betweenBatches may throw to end it
   */
  void run(PageSet written, PageSet uncopied, ImageWriter writer, Runnable betweenBatches) {
    long before = Long.MAX_VALUE;
    for (int i = 0; i < MAX_ROUNDS; i++) {
      collect(written, uncopied);
      long left = uncopied.count();
      // Less than a fifth gained: the guest writes as fast as this copies.
      if (left <= FEW || left > before - before / 5) {
        return;
      }
      copier.copy(uncopied, writer, betweenBatches);
      uncopied.clear();
      before = left;
    }
    collect(written, uncopied);
  }

  /** Learns what was written since. */
  void collect(PageSet written, PageSet uncopied) {
    round.clear();
    tracker.collect(round);
    written.addAll(round);
    uncopied.addAll(round);
  }
}
