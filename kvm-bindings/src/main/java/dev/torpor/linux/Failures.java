package dev.torpor.linux;

import dev.torpor.linux.abi.Native;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/**
 * Turns a failed call into an exception that says what was attempted. Where a call must not
 * allocate, ask for these only once it has failed: from the first failure in a process on, C2 makes
 * what describes the operands for every call that comes here.
 */
final class Failures {
  private Failures() {}

  /** Returns {@code result}, or throws where it is -1; operands are described only then. */
  static long check(String call, long result, MemorySegment state, Supplier<String> operands) {
    if (result == -1) {
      throw of(call, Native.resultOrErrno(result, state), operands);
    }
    return result;
  }

  /** As the other, for results that are {@code -errno} already. */
  static int checkNegative(String call, int result, Supplier<String> operands) {
    if (result < 0) {
      throw of(call, result, operands);
    }
    return result;
  }

  private static LinuxException of(String call, long negativeErrno, Supplier<String> operands) {
    return new LinuxException(call, (int) -negativeErrno, operands.get());
  }
}
