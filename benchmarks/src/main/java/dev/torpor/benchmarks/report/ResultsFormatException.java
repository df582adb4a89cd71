package dev.torpor.benchmarks.report;

import java.io.IOException;

/** A file that should hold results holds something else. */
public final class ResultsFormatException extends IOException {
  private static final long serialVersionUID = 1;

  ResultsFormatException(String message) {
    super(message);
  }

  ResultsFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
