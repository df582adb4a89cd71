package dev.torpor.linux.abi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The one place that calls {@code ioctl(2)}. */
public final class Ioctl {
  private static final MethodHandle IOCTL =
      Native.linkVariadic("ioctl", JAVA_INT, 2, JAVA_INT, JAVA_LONG, JAVA_LONG);

  private Ioctl() {}

  /**
   * Makes the request, using the calling thread's call state.
   *
   * @param fd an open file descriptor
   * @param request the request
   * @param argument an address that stays valid during the call, or a value
   * @return the result, never negative; or {@code -errno}
   */
  public static int invoke(int fd, IoctlRequest request, long argument) {
    return invoke(Native.state(), fd, request.code(), argument);
  }

  /** As {@link #invoke(int, IoctlRequest, long)}, for hot paths that keep their call state. */
  public static int invoke(MemorySegment state, int fd, long code, long argument) {
    try {
      int result = (int) IOCTL.invokeExact(state, fd, code, argument);
      return (int) Native.resultOrErrno(result, state);
    } catch (Throwable t) {
      throw Native.mismatch("ioctl", t);
    }
  }
}
