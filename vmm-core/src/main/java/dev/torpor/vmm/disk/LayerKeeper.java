package dev.torpor.vmm.disk;

import java.util.Collection;
import java.util.UUID;

/**
 * Keeps layers from garbage collection beyond the life of a process, for disks that survive it.
 * {@link dev.torpor.snapshot.Store#pin} is one.
 */
@FunctionalInterface
public interface LayerKeeper {
  /** For layers that nobody collects. */
  LayerKeeper NONE = (owner, layers) -> {};

  /**
   * Keeps an owner's layers. Durable when it returns.
   *
   * @param owner whose they are
   * @param layers all of them, in place of those kept before; none to keep none
   */
  void keep(UUID owner, Collection<Integer> layers);
}
