package dev.torpor.kvm;

import dev.torpor.linux.LinuxException;

/** A request to KVM failed. The message names the request, the error and the operands. */
public final class KvmException extends LinuxException {
  private static final long serialVersionUID = 1L;

  /**
   * Describes a failure.
   *
   * @param request the request's name, for instance {@code KVM_RUN}
   * @param errno the positive error number
   * @param operands what it was called with
   */
  public KvmException(String request, int errno, String operands) {
    super(request, errno, operands);
  }
}
