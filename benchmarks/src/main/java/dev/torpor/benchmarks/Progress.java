package dev.torpor.benchmarks;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells people how far a run is: on a terminal by one line, otherwise by a line for each step. */
final class Progress {
  private static final Path ERRORS = Path.of("/proc/self/fd/2");
  private static final int WIDTH = 100;
  private static final String TO_LINE_START_AND_CLEAR = "\r\u001b[K";

  private final PrintStream out;
  private final boolean terminal;

  Progress(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** On the standard error. */
  static Progress standard() {
    return new Progress(System.err, isTerminal());
  }

  private static boolean isTerminal() {
    try {
      String target = Files.readSymbolicLink(ERRORS).toString();
      return target.startsWith("/dev/pts/") || target.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }

  /** A new step, such as an operation. */
  void step(String text) {
    if (terminal) {
      detail(text);
    } else {
      out.println(text);
    }
  }

  /** How far a step is: only where it replaces what was there. */
  void detail(String text) {
    if (terminal) {
      String line = text.length() > WIDTH ? text.substring(0, WIDTH) : text;
      out.print(TO_LINE_START_AND_CLEAR + line);
      out.flush();
    }
  }

  /** Something that shall stay to be read. */
  void say(String text) {
    clear();
    out.println(text);
  }

  /** Leaves no unfinished line behind. */
  void clear() {
    if (terminal) {
      out.print(TO_LINE_START_AND_CLEAR);
      out.flush();
    }
  }
}
