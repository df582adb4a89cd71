package dev.torpor.linux.abi;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * Links libc's functions and keeps each thread's place for {@code errno}.
 *
 * <p>Callers hold the handles in {@code static final} fields of small classes, one for each group
 * of functions: linking one costs milliseconds, so a group is linked when it is first used. Every
 * function is called in the thread's native state, in which it may block for as long as it likes
 * without delaying a safepoint; none is linked as critical.
 */
public final class Native {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout CALL_STATE = Linker.Option.captureStateLayout();
  private static final long ERRNO_OFFSET = Abi.offset(CALL_STATE, "errno");
  private static final ThreadLocal<MemorySegment> STATE = ThreadLocal.withInitial(Native::newState);

  private static final int SCRATCH_BYTES = 256;
  private static final ThreadLocal<MemorySegment> SCRATCH =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(SCRATCH_BYTES, Long.BYTES));

  private Native() {}

  /**
   * Links a function whose failures are told by {@code errno}.
   *
   * @param name the symbol in libc
   * @param result what it returns, {@code int} or {@code long}
   * @param arguments its arguments; pointers are passed as {@code long}
   * @return a handle whose first argument is the thread's {@linkplain #state() call state}
   */
  public static MethodHandle link(String name, MemoryLayout result, MemoryLayout... arguments) {
    return link(name, FunctionDescriptor.of(result, arguments));
  }

  /** As {@link #link}, for a function whose arguments from {@code fixedCount} on are variadic. */
  public static MethodHandle linkVariadic(
      String name, MemoryLayout result, int fixedCount, MemoryLayout... arguments) {
    return link(
        name, FunctionDescriptor.of(result, arguments), Linker.Option.firstVariadicArg(fixedCount));
  }

  /**
   * As {@link #link}, without {@code errno} and the call state: for hot paths. The JDK makes an
   * object for each call that has a call state, unless C2 has compiled the caller. Who gets -1 asks
   * again with a handle that tells why.
   *
   * @param name the symbol in libc
   * @param result what it returns
   * @param arguments its arguments
   * @return a handle that takes the arguments alone
   */
  public static MethodHandle linkBare(String name, MemoryLayout result, MemoryLayout... arguments) {
    return handle(name, FunctionDescriptor.of(result, arguments));
  }

  /**
   * As {@link #linkBare}, for a function whose arguments from {@code fixedCount} on are variadic.
   */
  static MethodHandle linkBareVariadic(
      String name, MemoryLayout result, int fixedCount, MemoryLayout... arguments) {
    return handle(
        name, FunctionDescriptor.of(result, arguments), Linker.Option.firstVariadicArg(fixedCount));
  }

  private static MethodHandle link(
      String name, FunctionDescriptor type, Linker.Option... variadic) {
    Linker.Option[] options = Arrays.copyOf(variadic, variadic.length + 1);
    options[variadic.length] = Linker.Option.captureCallState("errno");
    return handle(name, type, options);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle handle(
      String name, FunctionDescriptor type, Linker.Option... options) {
    MemorySegment symbol =
        LINKER
            .defaultLookup()
            .find(name)
            .orElseThrow(() -> new AssertionError("libc has no function " + name));
    return LINKER.downcallHandle(symbol, type, options);
  }

  /** The calling thread's place for {@code errno}, to be passed first to every handle. */
  public static MemorySegment state() {
    return STATE.get();
  }

  /** A place for {@code errno}, for a hot path that keeps its own and belongs to one thread. */
  public static MemorySegment newState() {
    return Arena.ofAuto().allocate(CALL_STATE);
  }

  /**
   * The calling thread's room for one small argument, zeroed: filled, passed to a call and read
   * back before the next use.
   *
   * @param layout a structure of at most 256 bytes
   * @return a segment of the structure's size
   */
  public static MemorySegment scratch(MemoryLayout layout) {
    return SCRATCH.get().asSlice(0, layout.byteSize()).fill((byte) 0);
  }

  /**
   * All of that room, 256 bytes, as the last use left it: for hot paths, which must not make a
   * segment for each call.
   */
  public static MemorySegment scratch() {
    return SCRATCH.get();
  }

  /**
   * A call's result in the kernel's own convention.
   *
   * @param result what the function returned
   * @param state the call state given to it
   * @return {@code result}, or {@code -errno} where it was -1
   */
  public static long resultOrErrno(long result, MemorySegment state) {
    return result == -1 ? -state.get(ValueLayout.JAVA_INT, ERRNO_OFFSET) : result;
  }

  /** What a throwable from {@code invokeExact} means: the handle's type is wrong, a defect. */
  public static AssertionError mismatch(String function, Throwable cause) {
    return new AssertionError(function + " was called with arguments of the wrong type", cause);
  }
}
