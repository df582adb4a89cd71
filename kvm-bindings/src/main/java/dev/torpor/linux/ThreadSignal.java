package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.LibcStructs;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * One real-time signal, used to interrupt a thread's blocking system call without any handler.
 *
 * <p>The thread {@linkplain #blockInThisThread blocks} the signal, so that it never reaches a
 * handler, and lets the one system call that should end early unblock it, as KVM_SET_SIGNAL_MASK
 * does for KVM_RUN. Another thread {@linkplain #sendTo sends} it; the call returns EINTR, now or as
 * soon as it begins; the thread then {@linkplain #dequeue dequeues} it. No flag, no race.
 *
 * <p>The process ignores the signal, because HotSpot unblocks a thread's signals as it ends: one
 * that comes late, or was not dequeued, would otherwise end the process. Ignoring loses none that
 * matters, as the kernel queues a blocked signal all the same, and counts it as blocked while a
 * system call has it unblocked for its own duration.
 */
public final class ThreadSignal {
  /** The signal's number: above the two that glibc and the few that the JVM keep. */
  public static final int NUMBER = 44;

  /** The bit of the signal in a kernel signal mask. */
  public static final long MASK_BIT = 1L << (NUMBER - 1);

  private static final int SIG_BLOCK = 0;
  private static final long SIG_IGN = 1;

  private static final MethodHandle SIGNAL = Native.link("signal", JAVA_LONG, JAVA_INT, JAVA_LONG);
  private static final MethodHandle PTHREAD_SIGMASK =
      Native.link("pthread_sigmask", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SIGTIMEDWAIT =
      Native.link("sigtimedwait", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle GETTID = Native.link("gettid", JAVA_INT);
  private static final MethodHandle TGKILL =
      Native.link("tgkill", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT);

  private static final int PROCESS = (int) ProcessHandle.current().pid();
  private static final MemorySegment ONLY_THIS = onlyThisSignal();
  private static final MemorySegment NO_TIME = Arena.global().allocate(LibcStructs.TIMESPEC);

  static {
    ignoreWhereNotBlocked();
  }

  private ThreadSignal() {}

  private static void ignoreWhereNotBlocked() {
    MemorySegment state = Native.state();
    long previous;
    try {
      previous = (long) SIGNAL.invokeExact(state, NUMBER, SIG_IGN);
    } catch (Throwable t) {
      throw Native.mismatch("signal", t);
    }
    Failures.check("signal", previous, state, () -> "signal=" + NUMBER + ", SIG_IGN");
  }

  private static MemorySegment onlyThisSignal() {
    MemorySegment set = Arena.global().allocate(LibcStructs.SIGSET);
    set.set(JAVA_LONG, 0, MASK_BIT);
    return set;
  }

  /**
   * The calling thread's kernel id.
   *
   * @return the id, to be given to {@link #sendTo}
   */
  public static int currentThreadId() {
    try {
      return (int) GETTID.invokeExact(Native.state());
    } catch (Throwable t) {
      throw Native.mismatch("gettid", t);
    }
  }

  /**
   * Blocks the signal in the calling thread, for as long as the thread lives.
   *
   * @return the signals that were blocked before, signal 1 in bit 0: the mask for the call that the
   *     signal shall end, once {@link #MASK_BIT} is cleared in it
   * @throws LinuxException EINVAL, which no kernel is known to answer
   */
  public static long blockInThisThread() {
    MemorySegment state = Native.state();
    MemorySegment before = Native.scratch(LibcStructs.SIGSET);
    int error;
    try {
      error =
          (int)
              PTHREAD_SIGMASK.invokeExact(state, SIG_BLOCK, ONLY_THIS.address(), before.address());
    } catch (Throwable t) {
      throw Native.mismatch("pthread_sigmask", t);
    }
    Failures.checkNegative("pthread_sigmask", -error, () -> "signal=" + NUMBER);
    return before.get(JAVA_LONG, 0);
  }

  /**
   * Sends the signal to a thread of this process. A second one before the first is dequeued is
   * queued behind it.
   *
   * @param threadId the thread's kernel id
   * @return whether it was sent; false if the thread has ended
   * @throws LinuxException EAGAIN if the user's queue of signals is full, EINVAL for a wrong id
   */
  public static boolean sendTo(int threadId) {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) TGKILL.invokeExact(state, PROCESS, threadId, NUMBER);
    } catch (Throwable t) {
      throw Native.mismatch("tgkill", t);
    }
    if (Native.resultOrErrno(result, state) == -Errno.ESRCH) {
      return false;
    }
    Failures.check("tgkill", result, state, () -> "thread=" + threadId + ", signal=" + NUMBER);
    return true;
  }

  /**
   * Takes one pending signal of the calling thread, without waiting.
   *
   * @return whether there was one
   */
  public static boolean dequeue() {
    MemorySegment state = Native.state();
    try {
      int result =
          (int) SIGTIMEDWAIT.invokeExact(state, ONLY_THIS.address(), 0L, NO_TIME.address());
      return result == NUMBER;
    } catch (Throwable t) {
      throw Native.mismatch("sigtimedwait", t);
    }
  }
}
