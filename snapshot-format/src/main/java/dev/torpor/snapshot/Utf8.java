package dev.torpor.snapshot;

import java.nio.charset.StandardCharsets;

/** Lengths of text as files store it. */
final class Utf8 {
  private Utf8() {}

  static int encodedLength(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
