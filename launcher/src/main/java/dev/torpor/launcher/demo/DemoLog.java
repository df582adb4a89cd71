package dev.torpor.launcher.demo;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Tells a person what happens and how long it took, and repeats the figures at the end. */
public final class DemoLog {
  private final PrintWriter out;
  private final List<String> steps = new ArrayList<>();

  /** Something that may fail in any way. */
  @FunctionalInterface
  interface Work<T> {
    T run() throws Exception;
  }

  /**
   * Begins a log.
   *
   * @param out where to write, which stays the caller's
   */
  public DemoLog(PrintWriter out) {
    this.out = Objects.requireNonNull(out);
  }

  /**
   * Writes a heading.
   *
   * @param text one line
   */
  public void heading(String text) {
    out.println();
    line(text);
  }

  /**
   * Writes a line.
   *
   * @param text one line
   */
  public void line(String text) {
    out.println(text);
    out.flush();
  }

  /**
   * Tells of a finished step.
   *
   * @param what what was done
   * @param result what came of it
   * @param nanos how long it took
   */
  public void step(String what, String result, long nanos) {
    row("  %-47s %-38s %9s".formatted(what, result, duration(nanos)));
  }

  /**
   * Passes on a line of a demonstration that runs elsewhere.
   *
   * @param line what its own log wrote
   */
  public void relay(String line) {
    if (line.matches("  \\S.* [0-9.]+ m?s")) {
      row(line);
    } else {
      line(line);
    }
  }

  private void row(String row) {
    steps.add(row);
    line(row);
  }

  /** Does something, and tells how long it took. */
  <T> T step(String what, String result, Work<T> work) throws Exception {
    long start = System.nanoTime();
    T value = work.run();
    step(what, result, System.nanoTime() - start);
    return value;
  }

  /** Repeats all steps as one table. */
  public void summary() {
    heading("Summary");
    steps.forEach(this::line);
  }

  private static String duration(long nanos) {
    return nanos < 1_000_000_000
        ? "%.1f ms".formatted(nanos / 1e6)
        : "%.2f s".formatted(nanos / 1e9);
  }
}
