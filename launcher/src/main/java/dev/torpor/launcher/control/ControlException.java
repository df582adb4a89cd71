package dev.torpor.launcher.control;

/** A VM could not be reached, or did not do what it was asked; the message is for a person. */
public final class ControlException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * A failure.
   *
   * @param message what was asked of which VM, and why it was not done
   */
  public ControlException(String message) {
    super(message);
  }

  /**
   * A failure with its cause.
   *
   * @param message what was asked of which VM, and why it was not done
   * @param cause what went wrong
   */
  public ControlException(String message, Throwable cause) {
    super(message, cause);
  }
}
