package dev.torpor.vmm.checkpoint;

/** A checkpoint could not be taken, stored or gone back to; the VM goes on as it was. */
public final class CheckpointException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its cause.
   *
   * @param message what was attempted, and why it could not be
   * @param cause what went wrong
   */
  public CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}
