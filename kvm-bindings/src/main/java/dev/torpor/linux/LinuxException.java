package dev.torpor.linux;

/** A system call failed. The message names the call, the error and the operands. */
public class LinuxException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** The error number. */
  private final int errno;

  /**
   * Describes a failure.
   *
   * @param call the system call or request, for instance {@code pread}
   * @param errno the positive error number
   * @param operands what it was called with, for instance {@code fd=7, offset=4096}
   */
  public LinuxException(String call, int errno, String operands) {
    super(call + " failed: " + Errno.name(errno) + " (" + operands + ")");
    this.errno = errno;
  }

  /**
   * The error number.
   *
   * @return one of the constants of {@link Errno}, or another positive number
   */
  public int errno() {
    return errno;
  }
}
