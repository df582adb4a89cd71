package dev.torpor.vmm.device;

/** A guest's console did not do what was expected of it. The message tells its last words. */
public final class ConsoleException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes what was expected and what came instead.
   *
   * @param message one or more lines
   */
  public ConsoleException(String message) {
    super(message);
  }
}
