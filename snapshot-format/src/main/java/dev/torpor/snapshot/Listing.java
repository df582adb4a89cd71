package dev.torpor.snapshot;

import java.util.List;

/**
 * The checkpoints of a store.
 *
 * @param checkpoints those that can be read, oldest first
 * @param damaged why each of the others cannot
 */
public record Listing(List<Summary> checkpoints, List<SnapshotFormatException> damaged) {
  /** Copies the lists. */
  public Listing {
    checkpoints = List.copyOf(checkpoints);
    damaged = List.copyOf(damaged);
  }
}
