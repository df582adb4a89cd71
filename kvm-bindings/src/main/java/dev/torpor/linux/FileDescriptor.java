package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.torpor.linux.abi.Native;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Owns one open file descriptor and closes it once. Usable from every thread; closing while another
 * thread is inside a call on it is the owner's mistake.
 */
public final class FileDescriptor implements AutoCloseable {
  private static final MethodHandle CLOSE = Native.link("close", JAVA_INT, JAVA_INT);
  private static final VarHandle NUMBER;

  static {
    try {
      NUMBER = MethodHandles.lookup().findVarHandle(FileDescriptor.class, "number", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private static final int CLOSED = -1;

  private volatile int number;

  private FileDescriptor(int number) {
    this.number = number;
  }

  /**
   * Takes over a descriptor that a system call has just returned.
   *
   * @param number the descriptor's number
   * @return its owner
   */
  public static FileDescriptor owning(int number) {
    return new FileDescriptor(number);
  }

  /**
   * The number to pass to system calls.
   *
   * @return the number, or -1 once closed, which every system call answers with EBADF
   */
  public int number() {
    return number;
  }

  /** Closes the descriptor; a second call does nothing. */
  @Override
  public void close() {
    int open = (int) NUMBER.getAndSet(this, CLOSED);
    if (open < 0) {
      return;
    }
    MemorySegment state = Native.state();
    try {
      // The kernel frees the number whatever close(2) returns, so there is nothing to retry.
      int _ = (int) CLOSE.invokeExact(state, open);
    } catch (Throwable t) {
      throw Native.mismatch("close", t);
    }
  }

  @Override
  public String toString() {
    return "fd=" + number;
  }
}
