package dev.torpor.vmm.checkpoint;

import dev.torpor.vmm.memory.PageSet;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;

/**
 * Where a VM stands in its history, and what it has written since that no checkpoint holds.
 *
 * <p>Checkpoints that are written but not yet durable are kept in order, each with the pages that
 * it took. When one fails, it and all that follow it are given up, and their pages come back: so
 * the next checkpoint has them. Safe from every thread.
 */
final class Lineage {
  /** A checkpoint that is not durable yet. */
  static final class Pending {
    private final Checkpoint checkpoint;
    private final Position position;
    private final PageSet pages;

    Pending(Checkpoint checkpoint, Position position, PageSet pages) {
      this.checkpoint = checkpoint;
      this.position = position;
      this.pages = pages;
    }

    Checkpoint checkpoint() {
      return checkpoint;
    }
  }

  private final Deque<Pending> pending = new ArrayDeque<>();

  private final long pageCount;

  /**
   * Pages written since {@link #head}, that failed checkpoints had taken; null if none ever had.
   */
  private PageSet unsaved;

  /** Whether a checkpoint is being made that is not pending yet. */
  private boolean drafting;

  private Position durable;
  private int lossCount;

  /**
   * A VM at a point of its history.
   *
   * @param start the point
   * @param pageCount the pages of its memory
   */
  Lineage(Position start, long pageCount) {
    durable = start;
    this.pageCount = pageCount;
  }

  /** A checkpoint is being made, until it is {@link #written} or its pages are given back. */
  synchronized void beginDraft() {
    drafting = true;
  }

  /** What the next checkpoint follows. */
  synchronized Position head() {
    return pending.isEmpty() ? durable : pending.getLast().position;
  }

  /** Counts the times that pending checkpoints were given up: what followed them is void. */
  synchronized int lossCount() {
    return lossCount;
  }

  /** Hands the pages that no checkpoint holds to one that is being made. */
  synchronized void takeUnsaved(PageSet target) {
    copyUnsaved(target);
    forgetUnsaved();
  }

  /** Adds the pages that no checkpoint holds to a set. */
  synchronized void copyUnsaved(PageSet target) {
    if (unsaved != null) {
      target.addAll(unsaved);
    }
  }

  private void addUnsaved(PageSet pages) {
    if (unsaved == null) {
      unsaved = new PageSet(pageCount);
    }
    unsaved.addAll(pages);
  }

  private void forgetUnsaved() {
    if (unsaved != null) {
      unsaved.clear();
    }
  }

  /** Takes pages back from a checkpoint that was not made. */
  synchronized void giveBack(PageSet pages) {
    drafting = false;
    addUnsaved(pages);
  }

  /**
   * A checkpoint is written, and the next one may follow it.
   *
   * @param expectedLossCount the loss count when the checkpoint began
   * @return false if what it follows was given up meanwhile: then its pages are taken back
   */
  synchronized boolean written(Pending next, int expectedLossCount) {
    drafting = false;
    if (expectedLossCount != lossCount) {
      addUnsaved(next.pages);
      return false;
    }
    pending.addLast(next);
    return true;
  }

  /** The oldest pending checkpoint is durable. */
  synchronized void durable(Pending oldest) {
    if (pending.peekFirst() == oldest) {
      pending.removeFirst();
      durable = oldest.position;
    }
  }

  /** Whether a checkpoint is still on its way. */
  synchronized boolean isPending(Pending one) {
    return pending.contains(one);
  }

  /**
   * A pending checkpoint cannot be made durable.
   *
   * @return it and all that follow it, which are given up
   */
  synchronized Deque<Pending> lose(Pending failed) {
    Deque<Pending> lost = new ArrayDeque<>();
    for (Iterator<Pending> newest = pending.descendingIterator();
        pending.contains(failed) && newest.hasNext(); ) {
      Pending one = newest.next();
      newest.remove();
      addUnsaved(one.pages);
      lost.addFirst(one);
    }
    lossCount++;
    return lost;
  }

  /**
   * Gives up a pending checkpoint, unless another one follows it by now.
   *
   * @return whether it is given up
   */
  synchronized boolean loseLast(Pending one) {
    if (drafting || pending.peekLast() != one) {
      return false;
    }
    lose(one);
    return true;
  }

  /** The VM goes elsewhere in its history; nothing may be pending. */
  synchronized void moveTo(Position target) {
    if (!pending.isEmpty()) {
      throw new IllegalStateException("checkpoints are pending");
    }
    durable = target;
    forgetUnsaved();
  }
}
