package dev.torpor.vmm.checkpoint;

/**
 * Going back to a checkpoint failed half-way: the machine is neither where it was nor where it
 * should be, and must not run.
 */
public final class MachineLostException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure with its cause.
   *
   * @param cause what went wrong
   */
  public MachineLostException(Throwable cause) {
    super(cause.getMessage(), cause);
  }
}
