package dev.torpor.vmm.boot;

/**
 * A kernel, an initrd or a command line that this VM can't boot. The message is one line for the
 * person who chose it: what is wrong, and what would be right.
 */
public final class BootException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes what is wrong.
   *
   * @param message one line
   */
  public BootException(String message) {
    super(message);
  }
}
