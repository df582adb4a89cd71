package dev.torpor.snapshot;

import java.io.IOException;

/**
 * A checkpoint in use: until this is closed, or the process ends, no process removes the layers
 * that it needs, even if the checkpoint itself is removed. For any thread.
 */
@SuppressWarnings("DoNotCallSuggester") // until it has bodies
public final class CheckpointHold implements AutoCloseable {
  private final Manifest manifest;

  CheckpointHold(Manifest manifest) {
    this.manifest = manifest;
  }

  /**
   * What is held.
   *
   * @return the whole checkpoint
   */
  public Manifest manifest() {
    return manifest;
  }

  /** Ends the use; the layers may go. Closing again does nothing. */
  @Override
  public void close() throws IOException {
    throw new UnsupportedOperationException("not built yet");
  }
}
