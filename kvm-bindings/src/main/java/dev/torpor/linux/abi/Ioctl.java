package dev.torpor.linux.abi;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** The one place that calls {@code ioctl(2)}. */
public final class Ioctl {
  private static final MethodHandle IOCTL =
      Native.linkVariadic("ioctl", JAVA_INT, 2, JAVA_INT, JAVA_LONG, JAVA_LONG);

  private static final MethodHandle BARE =
      Native.linkBareVariadic("ioctl", JAVA_INT, 2, JAVA_INT, JAVA_LONG, JAVA_LONG);

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

  private static int invoke(MemorySegment state, int fd, long code, long argument) {
    try {
      int result = (int) IOCTL.invokeExact(state, fd, code, argument);
      return (int) Native.resultOrErrno(result, state);
    } catch (Throwable t) {
      throw Native.mismatch("ioctl", t);
    }
  }

  /**
   * As {@link #invoke(int, IoctlRequest, long)}, for hot paths: allocates nothing unless it fails.
   * Then the request is made again, so it must be one that changes nothing when it fails.
   */
  public static int invokeHot(int fd, IoctlRequest request, long argument) {
    int result = invokeBare(fd, request.code(), argument);
    return result < 0 ? invoke(fd, request, argument) : result;
  }

  /**
   * Makes the request without asking why it fails; allocates nothing.
   *
   * @param fd an open file descriptor
   * @param code the request's number
   * @param argument an address that stays valid during the call, or a value
   * @return the result, or -1
   */
  public static int invokeBare(int fd, long code, long argument) {
    try {
      return (int) BARE.invokeExact(fd, code, argument);
    } catch (Throwable t) {
      throw Native.mismatch("ioctl", t);
    }
  }
}
