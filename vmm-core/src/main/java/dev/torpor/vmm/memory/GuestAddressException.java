package dev.torpor.vmm.memory;

import dev.torpor.vmm.GuestProtocolException;

/** A guest physical address range lies outside guest memory. */
public final class GuestAddressException extends GuestProtocolException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes the range.
   *
   * @param gpa its first guest physical address
   * @param byteCount its length
   */
  public GuestAddressException(long gpa, long byteCount) {
    super(
        "guest address range 0x%x of %s bytes lies outside guest memory"
            .formatted(gpa, Long.toUnsignedString(byteCount)));
  }
}
