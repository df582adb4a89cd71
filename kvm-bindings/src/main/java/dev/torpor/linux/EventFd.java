package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * A counter in the kernel that one side adds to and the other takes (eventfd(2)): irqfd and
 * ioeventfd are made of it. Never blocks. Signalling is safe from every thread; taking belongs to
 * one thread at a time.
 */
public final class EventFd implements AutoCloseable {
  private static final int EFD_NONBLOCK = 0x800;
  private static final int EFD_CLOEXEC = 0x80000;

  private static final MethodHandle EVENTFD = Native.link("eventfd", JAVA_INT, JAVA_INT, JAVA_INT);
  private static final MethodHandle READ =
      Native.link("read", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle WRITE =
      Native.link("write", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);

  /** The number one, which every signal adds. */
  private static final MemorySegment ONE = Arena.global().allocateFrom(JAVA_LONG, 1);

  private final FileDescriptor descriptor;
  private final MemorySegment taken = Arena.ofAuto().allocate(JAVA_LONG);

  EventFd(FileDescriptor descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * Creates a counter at zero.
   *
   * @return the counter
   * @throws LinuxException EMFILE or ENFILE if descriptors are short
   */
  public static EventFd create() {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) EVENTFD.invokeExact(state, 0, EFD_CLOEXEC | EFD_NONBLOCK);
    } catch (Throwable t) {
      throw Native.mismatch("eventfd", t);
    }
    Failures.check("eventfd", result, state, () -> "flags=EFD_CLOEXEC|EFD_NONBLOCK");
    return new EventFd(FileDescriptor.owning(result));
  }

  /**
   * The descriptor, for epoll, irqfd and ioeventfd.
   *
   * @return the descriptor, owned by this counter
   */
  public FileDescriptor descriptor() {
    return descriptor;
  }

  /**
   * Adds one. A counter that is full stays as it is: it is signalled already.
   *
   * @throws LinuxException EBADF
   */
  public void signal() {
    MemorySegment state = Native.state();
    long result;
    try {
      result =
          (long) WRITE.invokeExact(state, descriptor.number(), ONE.address(), (long) Long.BYTES);
    } catch (Throwable t) {
      throw Native.mismatch("write", t);
    }
    if (result == -1 && Native.resultOrErrno(result, state) != -Errno.EAGAIN) {
      Failures.check("write of an eventfd", result, state, descriptor::toString);
    }
  }

  /**
   * Takes the count and sets it to zero.
   *
   * @return the count; 0 if nobody has signalled since the last time
   * @throws LinuxException EBADF
   */
  public long take() {
    MemorySegment state = Native.state();
    long result;
    try {
      result =
          (long) READ.invokeExact(state, descriptor.number(), taken.address(), (long) Long.BYTES);
    } catch (Throwable t) {
      throw Native.mismatch("read", t);
    }
    if (result == -1) {
      if (Native.resultOrErrno(result, state) == -Errno.EAGAIN) {
        return 0;
      }
      Failures.check("read of an eventfd", result, state, descriptor::toString);
    }
    return taken.get(JAVA_LONG, 0);
  }

  @Override
  public void close() {
    descriptor.close();
  }
}
