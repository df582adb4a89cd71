package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.CheckpointHold;
import dev.torpor.snapshot.Store;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What keeps the layers that a machine needs, whatever is removed from the store meanwhile: those
 * of the checkpoint that it was made of, from which memory may be brought in as long as it lives,
 * and those of where it stands. Safe from every thread.
 */
final class Holds implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Holds.class);

  private final Store store;
  private final String vmName;
  private CheckpointHold origin;
  private CheckpointHold standing;
  private boolean closed;

  Holds(Store store, String vmName) {
    this.store = store;
    this.vmName = vmName;
  }

  /** The machine was made of a checkpoint. */
  synchronized void origin(CheckpointHold hold) {
    origin = hold;
  }

  /** The same, once that is published; the machine may be gone by then. */
  synchronized void origin(UUID checkpoint) {
    if (closed) {
      return;
    }
    try {
      origin = store.hold(checkpoint);
    } catch (RuntimeException e) {
      LOG.warn("checkpoint {} is not held for VM '{}'", checkpoint, vmName, e);
    }
  }

  /** The machine has a checkpoint of its own that its next one follows. */
  synchronized void standing(CheckpointHold hold) {
    release(standing);
    standing = hold;
  }

  private void release(CheckpointHold hold) {
    if (hold != null) {
      release((AutoCloseable) hold);
    }
  }

  /** Lets go of what keeps layers; a failure only keeps them longer. */
  void release(AutoCloseable held) {
    try {
      held.close();
    } catch (Exception e) {
      LOG.warn("layers are held longer than VM '{}' needs them", vmName, e);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    release(standing);
    release(origin);
    standing = null;
    origin = null;
  }
}
