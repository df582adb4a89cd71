package dev.torpor.snapshot;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * A checkpoint in use: until this is closed, or the process ends, no process removes the layers
 * that it needs, even if the checkpoint itself is removed. For any thread.
 */
public final class CheckpointHold implements AutoCloseable {
  private final Manifest manifest;
  private final Consumer<Manifest> release;
  private final AtomicBoolean closed = new AtomicBoolean();

  CheckpointHold(Manifest manifest, Consumer<Manifest> release) {
    this.manifest = manifest;
    this.release = release;
  }

  /**
   * What is held.
   *
   * @return the whole checkpoint
   */
  public Manifest manifest() {
    return manifest;
  }

  /**
   * Ends the use; the layers may go. Closing again does nothing.
   *
   * @throws java.io.UncheckedIOException if that cannot be written down
   */
  @Override
  public void close() {
    if (closed.compareAndSet(false, true)) {
      release.accept(manifest);
    }
  }
}
