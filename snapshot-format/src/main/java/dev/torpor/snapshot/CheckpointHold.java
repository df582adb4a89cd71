package dev.torpor.snapshot;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * A checkpoint in use: until this is closed, or the process ends, no process removes the layers
 * that it needs, even if the checkpoint itself is removed. For any thread.
 */
public final class CheckpointHold implements AutoCloseable {
  /** One use of the store, for all who share it. */
  private record Use(Manifest manifest, Consumer<Manifest> release, AtomicInteger holders) {}

  private final Use use;
  private final AtomicBoolean closed = new AtomicBoolean();

  CheckpointHold(Manifest manifest, Consumer<Manifest> release) {
    this(new Use(manifest, release, new AtomicInteger(1)));
  }

  private CheckpointHold(Use use) {
    this.use = use;
  }

  /**
   * What is held.
   *
   * @return the whole checkpoint
   */
  public Manifest manifest() {
    return use.manifest;
  }

  /**
   * One more hold of the same, without asking the store: the layers are kept until both are closed.
   *
   * @return the hold, which the caller closes
   * @throws IllegalStateException if this one is closed
   */
  public CheckpointHold another() {
    if (closed.get() || use.holders.getAndUpdate(count -> count == 0 ? 0 : count + 1) == 0) {
      throw new IllegalStateException(
          "checkpoint " + use.manifest.uuid() + " is not held any more");
    }
    return new CheckpointHold(use);
  }

  /**
   * Ends the use; the layers may go. Closing again does nothing.
   *
   * @throws java.io.UncheckedIOException if that cannot be written down
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true) && use.holders.decrementAndGet() == 0) {
      use.release.accept(use.manifest);
    }
  }
}
