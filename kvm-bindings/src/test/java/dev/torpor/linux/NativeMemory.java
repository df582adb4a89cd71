package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Touches memory from native state, as a guest or a system call does. A Java load of a page that a
 * userfaultfd must supply would keep every other thread from its safepoint, the one that supplies
 * it among them.
 */
final class NativeMemory {
  private static final MethodHandle MEMCPY =
      Native.link("memcpy", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MEMSET =
      Native.link("memset", JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG);

  private NativeMemory() {}

  /** Reads bytes. */
  static byte[] read(long address, int byteCount) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment copy = arena.allocate(byteCount);
      long _ = (long) MEMCPY.invokeExact(Native.state(), copy.address(), address, (long) byteCount);
      return copy.toArray(JAVA_BYTE);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  /** Reads one byte. */
  static int read(long address) {
    return read(address, 1)[0];
  }

  /** Writes one value into every byte. */
  static void fill(long address, int value, long byteCount) {
    try {
      long _ = (long) MEMSET.invokeExact(Native.state(), address, value, byteCount);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }
}
