package dev.torpor.snapshot;

import java.util.List;

/**
 * What a garbage collection did.
 *
 * @param layers how many layers it removed
 * @param bytes how long their files were together, holes of sparse files included
 * @param damaged manifests that cannot be read: as nobody knows which layers they need, no layer is
 *     removed until they are
 */
public record Garbage(int layers, long bytes, List<SnapshotFormatException> damaged) {
  /** Copies the list. */
  public Garbage {
    damaged = List.copyOf(damaged);
  }
}
