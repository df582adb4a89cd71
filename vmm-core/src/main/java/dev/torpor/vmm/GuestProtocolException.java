package dev.torpor.vmm;

/**
 * The guest broke a protocol that it shares with the VMM: a ring, a descriptor, an address. The
 * message says where, what was found and what the limit is. The guest harms only itself.
 */
public class GuestProtocolException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes the breach.
   *
   * @param message where, what was found, and the limit
   */
  public GuestProtocolException(String message) {
    // A hostile guest may cause many: no stack trace is collected.
    super(message, null, false, false);
  }
}
