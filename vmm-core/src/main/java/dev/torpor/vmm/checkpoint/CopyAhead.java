package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.ImageWriter;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.PageSet;

/**
 * Copies what the guest has written while it runs on, again and again, until so little was written
 * meanwhile that the pause can take it. Not thread-safe.
 *
 * <p>What is too much to be staged is written out at once. That is slower, but the first checkpoint
 * is mostly of pages that nobody writes any more. The rest is staged: each round then takes less
 * time than the one before, and so finds less, if copying a page takes less time than the guest
 * needs to write to one.
 */
final class CopyAhead {
  /** Pages whose copying is lost in the noise of a pause. */
  private static final int FEW = 16;

  /** What the last rounds, and the pause, may need room for. */
  private static final int RESERVE = 1024;

  private static final int MAX_ROUNDS = 16;
  private static final int MAX_STALLS = 3;

  private final DirtyTracker tracker;
  private final PageCopier copier;
  private final Staging staging;
  private final PageSet round;

  CopyAhead(DirtyTracker tracker, PageCopier copier, Staging staging, long pageCount) {
    this.tracker = tracker;
    this.copier = copier;
    this.staging = staging;
    this.round = new PageSet(pageCount);
  }

  /**
   * Goes on until little is left, or copying cannot keep up with the guest.
   *
   * @param written all that is to be in the checkpoint; what the guest writes is added
   * @param uncopied what is neither written out nor staged as it is now; few pages in the end, if
   *     possible
   * @param betweenBatches may throw to end it
   */
  void run(PageSet written, PageSet uncopied, ImageWriter writer, Runnable betweenBatches) {
    collect(written, uncopied);
    long left = uncopied.count();
    long before = Long.MAX_VALUE;
    while (!staging.hasRoomFor(uncopied) && isGaining(left, before)) {
      copier.copy(uncopied, writer, betweenBatches);
      before = left;
      left = next(written, uncopied);
    }
    stage(left, written, uncopied, betweenBatches);
    staging.reserve(RESERVE);
  }

  private void stage(long first, PageSet written, PageSet uncopied, Runnable betweenRounds) {
    long left = first;
    long least = Long.MAX_VALUE;
    int stalls = 0;
    for (int i = 0; i < MAX_ROUNDS && stalls < MAX_STALLS; i++) {
      if (left <= FEW || !staging.hasRoomFor(uncopied)) {
        return;
      }
      // One slow round says little: this thread may have waited for a processor.
      stalls = isGaining(left, least) ? 0 : stalls + 1;
      least = Math.min(least, left);
      betweenRounds.run();
      staging.take(uncopied);
      left = next(written, uncopied);
    }
  }

  /** Less than a fifth gained: the guest writes as fast as this copies. */
  private static boolean isGaining(long left, long before) {
    return left <= before - before / 5;
  }

  private long next(PageSet written, PageSet uncopied) {
    uncopied.clear();
    collect(written, uncopied);
    return uncopied.count();
  }

  /** Learns what was written since. */
  void collect(PageSet written, PageSet uncopied) {
    round.clear();
    tracker.collect(round);
    written.addAll(round);
    uncopied.addAll(round);
  }
}
