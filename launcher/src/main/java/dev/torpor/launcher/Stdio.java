package dev.torpor.launcher;

import dev.torpor.linux.Terminal;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;

/**
 * Where a guest's console goes: the process's own streams, or a test's.
 *
 * @param in what is typed
 * @param out what the guest prints; unbuffered
 * @param isTerminal whether a person sits there
 */
record Stdio(InputStream in, OutputStream out, boolean isTerminal) {
  private static final int STANDARD_INPUT = 0;

  /** The process's own. */
  static Stdio ofProcess() {
    return new Stdio(
        new FileInputStream(FileDescriptor.in),
        new FileOutputStream(FileDescriptor.out),
        Terminal.isTerminal(STANDARD_INPUT));
  }

  /** Puts the process's terminal into raw mode. */
  Terminal makeRaw() {
    return Terminal.makeRaw(STANDARD_INPUT);
  }
}
