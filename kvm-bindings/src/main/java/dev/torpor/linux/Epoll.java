package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import dev.torpor.linux.abi.Abi;
import dev.torpor.linux.abi.LibcStructs;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Waits for any of many descriptors to become readable (epoll(7)). Adding and removing is safe from
 * every thread; waiting, and reading what was found, belong to one thread at a time.
 */
public final class Epoll implements AutoCloseable {
  private static final int EPOLL_CLOEXEC = 0x80000;
  private static final int EPOLLIN = 1;
  private static final int CTL_ADD = 1;
  private static final int CTL_DEL = 2;
  private static final int MAX_EVENTS = 64;
  private static final long EVENT_BYTES = LibcStructs.EPOLL_EVENT.byteSize();
  private static final long DATA = Abi.offset(LibcStructs.EPOLL_EVENT, "data");

  private static final MethodHandle CREATE = Native.link("epoll_create1", JAVA_INT, JAVA_INT);
  private static final MethodHandle CONTROL =
      Native.link("epoll_ctl", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle WAIT =
      Native.link("epoll_wait", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);
  private static final MethodHandle BARE_WAIT =
      Native.linkBare("epoll_wait", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);

  private final FileDescriptor descriptor;
  private final MemorySegment events = Arena.ofAuto().allocate(EVENT_BYTES * MAX_EVENTS, 8);

  Epoll(FileDescriptor descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * Creates an empty set.
   *
   * @return the set
   * @throws LinuxException EMFILE or ENFILE if descriptors are short
   */
  public static Epoll create() {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) CREATE.invokeExact(state, EPOLL_CLOEXEC);
    } catch (Throwable t) {
      throw Native.mismatch("epoll_create1", t);
    }
    Failures.check("epoll_create1", result, state, () -> "flags=EPOLL_CLOEXEC");
    return new Epoll(FileDescriptor.owning(result));
  }

  /**
   * Watches a descriptor.
   *
   * @param watched the descriptor, which must stay open until it is removed
   * @param token what {@link #token} will say when it is readable
   * @throws LinuxException EEXIST if it is watched already, EBADF, EPERM
   */
  public void add(FileDescriptor watched, long token) {
    control(CTL_ADD, watched, token);
  }

  /**
   * Watches a descriptor no longer.
   *
   * @param watched the descriptor
   * @throws LinuxException ENOENT if it is not watched, EBADF
   */
  public void remove(FileDescriptor watched) {
    control(CTL_DEL, watched, 0);
  }

  private void control(int operation, FileDescriptor watched, long token) {
    MemorySegment state = Native.state();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment event = arena.allocate(LibcStructs.EPOLL_EVENT);
      event.set(JAVA_INT, 0, EPOLLIN);
      event.set(JAVA_LONG_UNALIGNED, DATA, token);
      int result;
      try {
        result =
            (int)
                CONTROL.invokeExact(
                    state, descriptor.number(), operation, watched.number(), event.address());
      } catch (Throwable t) {
        throw Native.mismatch("epoll_ctl", t);
      }
      Failures.check(
          "epoll_ctl", result, state, () -> "operation=" + operation + ", watched " + watched);
    }
  }

  /**
   * Waits until a watched descriptor is readable. Allocates nothing, unless a signal comes.
   *
   * @param timeoutMillis how long at most; -1 for as long as it takes
   * @return how many were found, at most 64; 0 if the time ran out or a signal came
   * @throws LinuxException EBADF
   */
  public int await(int timeoutMillis) {
    int result;
    try {
      result =
          (int)
              BARE_WAIT.invokeExact(
                  descriptor.number(), events.address(), MAX_EVENTS, timeoutMillis);
    } catch (Throwable t) {
      throw Native.mismatch("epoll_wait", t);
    }
    return result >= 0 ? result : awaitAgain(timeoutMillis);
  }

  private int awaitAgain(int timeoutMillis) {
    MemorySegment state = Native.state();
    int result;
    try {
      result =
          (int)
              WAIT.invokeExact(
                  state, descriptor.number(), events.address(), MAX_EVENTS, timeoutMillis);
    } catch (Throwable t) {
      throw Native.mismatch("epoll_wait", t);
    }
    if (result >= 0) {
      return result;
    }
    if (Native.resultOrErrno(result, state) == -Errno.EINTR) {
      return 0;
    }
    Failures.check("epoll_wait", result, state, descriptor::toString);
    throw new AssertionError("a failed call throws");
  }

  /**
   * Which descriptor was found.
   *
   * @param index from 0 to one less than the last {@link #await} returned
   * @return the token given when it was added
   */
  public long token(int index) {
    return events.get(JAVA_LONG_UNALIGNED, index * EVENT_BYTES + DATA);
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
