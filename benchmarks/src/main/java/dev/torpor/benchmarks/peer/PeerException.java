package dev.torpor.benchmarks.peer;

import java.io.IOException;

/** A peer refused a command, or said something that is not in its protocol. */
final class PeerException extends IOException {
  private static final long serialVersionUID = 1L;

  PeerException(String message) {
    super(message);
  }

  PeerException(String message, Throwable cause) {
    super(message, cause);
  }
}
