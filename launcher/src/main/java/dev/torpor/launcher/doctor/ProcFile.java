package dev.torpor.launcher.doctor;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Small text files of /proc and /sys, any of which a kernel may lack or hide. */
final class ProcFile {
  private ProcFile() {}

  /** The whole text without white space around it; empty if it cannot be read. */
  static Optional<String> text(String path) {
    try {
      return Optional.of(Files.readString(Path.of(path)).strip());
    } catch (IOException unreadable) {
      return Optional.empty();
    }
  }

  /** The value of the first line {@code name: value}. */
  static Optional<String> field(String path, String name) {
    return first(path, "(?m)^" + Pattern.quote(name) + "\\s*:\\s*(.*?)\\s*$");
  }

  /** The first group of a pattern where it first occurs in the file. */
  static Optional<String> first(String path, String pattern) {
    return text(path)
        .map(Pattern.compile(pattern)::matcher)
        .filter(Matcher::find)
        .map(matcher -> matcher.group(1));
  }

  /** The file as a number; empty if it is none. */
  static Optional<Long> number(String path) {
    return text(path).filter(text -> text.matches("\\d{1,18}")).map(Long::valueOf);
  }
}
