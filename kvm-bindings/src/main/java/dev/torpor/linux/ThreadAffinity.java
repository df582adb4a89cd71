package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.LibcStructs;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.BitSet;

/**
 * On which of the host's processors a thread may run (sched_setaffinity(2)). A thread that is
 * started inherits it from the one that starts it. Safe from every thread.
 */
public final class ThreadAffinity {
  /** In place of a thread's kernel id: the calling thread. */
  public static final int CALLER = 0;

  private static final MethodHandle GET =
      Native.link("sched_getaffinity", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle SET =
      Native.link("sched_setaffinity", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);

  private ThreadAffinity() {}

  /**
   * Where a thread may run.
   *
   * @param threadId its kernel id, or {@link #CALLER}
   * @return the numbers of the processors
   * @throws LinuxException ESRCH if it has ended, EINVAL if the host has more than 1,024 processors
   */
  public static BitSet of(int threadId) {
    MemorySegment state = Native.state();
    MemorySegment set = Native.scratch(LibcStructs.CPU_SET);
    int result;
    try {
      result = (int) GET.invokeExact(state, threadId, set.byteSize(), set.address());
    } catch (Throwable t) {
      throw Native.mismatch("sched_getaffinity", t);
    }
    Failures.check("sched_getaffinity", result, state, () -> "thread=" + threadId);
    return BitSet.valueOf(set.toArray(JAVA_BYTE));
  }

  /**
   * Says where a thread may run, and moves it there.
   *
   * @param threadId its kernel id, or {@link #CALLER}
   * @param processors their numbers, at least one of the host's
   * @throws LinuxException ESRCH if the thread has ended, EINVAL if no such processor is there for
   *     this process, EPERM if the thread is somebody else's
   * @throws IllegalArgumentException if a number is over 1,023
   */
  public static void set(int threadId, BitSet processors) {
    byte[] bits = processors.toByteArray();
    MemorySegment state = Native.state();
    MemorySegment set = Native.scratch(LibcStructs.CPU_SET);
    if (bits.length > set.byteSize()) {
      throw new IllegalArgumentException("processors " + processors + ": expected 0 to 1023");
    }
    set.copyFrom(MemorySegment.ofArray(bits));
    int result;
    try {
      result = (int) SET.invokeExact(state, threadId, set.byteSize(), set.address());
    } catch (Throwable t) {
      throw Native.mismatch("sched_setaffinity", t);
    }
    Failures.check(
        "sched_setaffinity", result, state, () -> "thread=" + threadId + ", " + processors);
  }
}
