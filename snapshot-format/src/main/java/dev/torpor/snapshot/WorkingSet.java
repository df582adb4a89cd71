package dev.torpor.snapshot;

import java.util.List;

/**
 * The pages that a machine touched first after it was restored, in that order.
 *
 * @param runs runs of neighbouring pages, none empty, none overlapping another
 */
public record WorkingSet(List<Run> runs) {
  /**
   * Neighbouring pages.
   *
   * @param firstPage the first one's number: that of its block in the memory image
   * @param pageCount how many, at least 1
   */
  public record Run(long firstPage, int pageCount) {}

  /** Copies the runs. */
  public WorkingSet {
    runs = List.copyOf(runs);
  }
}
