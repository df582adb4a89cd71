package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.LibcStructs;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * A terminal in raw mode, in which every key goes to the guest, until it is closed (termios(3)).
 * Closing is safe from every thread, a shutdown hook among them.
 */
public final class Terminal implements AutoCloseable {
  private static final int TCSAFLUSH = 2;

  private static final MethodHandle ISATTY = Native.link("isatty", JAVA_INT, JAVA_INT);
  private static final MethodHandle TCGETATTR =
      Native.link("tcgetattr", JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle TCSETATTR =
      Native.link("tcsetattr", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle CFMAKERAW = Native.link("cfmakeraw", JAVA_LONG, JAVA_LONG);

  private final int fd;
  private final MemorySegment saved = Arena.ofAuto().allocate(LibcStructs.TERMIOS);
  private boolean raw;

  private Terminal(int fd) {
    this.fd = fd;
  }

  /**
   * Whether a descriptor is a terminal.
   *
   * @param fd the descriptor's number, for instance 0 for standard input
   * @return whether it is one
   */
  public static boolean isTerminal(int fd) {
    try {
      return (int) ISATTY.invokeExact(Native.state(), fd) == 1;
    } catch (Throwable t) {
      throw Native.mismatch("isatty", t);
    }
  }

  /**
   * Puts a terminal into raw mode.
   *
   * @param fd the descriptor's number, which stays the caller's
   * @return what restores the terminal when closed
   * @throws LinuxException ENOTTY if it is no terminal, EBADF
   */
  public static Terminal makeRaw(int fd) {
    Terminal terminal = new Terminal(fd);
    terminal.enterRawMode();
    return terminal;
  }

  private synchronized void enterRawMode() {
    MemorySegment state = Native.state();
    try (Arena arena = Arena.ofConfined()) {
      int result;
      try {
        result = (int) TCGETATTR.invokeExact(state, fd, saved.address());
      } catch (Throwable t) {
        throw Native.mismatch("tcgetattr", t);
      }
      Failures.check("tcgetattr", result, state, () -> "fd=" + fd);
      MemorySegment wanted = arena.allocate(LibcStructs.TERMIOS).copyFrom(saved);
      try {
        long _ = (long) CFMAKERAW.invokeExact(state, wanted.address());
      } catch (Throwable t) {
        throw Native.mismatch("cfmakeraw", t);
      }
      apply(wanted);
      raw = true;
    }
  }

  private void apply(MemorySegment attributes) {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) TCSETATTR.invokeExact(state, fd, TCSAFLUSH, attributes.address());
    } catch (Throwable t) {
      throw Native.mismatch("tcsetattr", t);
    }
    Failures.check("tcsetattr", result, state, () -> "fd=" + fd);
  }

  /** Restores the terminal as it was; a second call does nothing. */
  @Override
  public synchronized void close() {
    if (raw) {
      raw = false;
      apply(saved);
    }
  }
}
