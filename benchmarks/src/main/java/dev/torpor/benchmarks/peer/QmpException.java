package dev.torpor.benchmarks.peer;

import java.io.IOException;

/** QEMU refused a command, or said something that is not QMP. */
final class QmpException extends IOException {
  private static final long serialVersionUID = 1L;

  QmpException(String message) {
    super(message);
  }

  QmpException(String message, Throwable cause) {
    super(message, cause);
  }
}
