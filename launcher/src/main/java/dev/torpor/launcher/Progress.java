package dev.torpor.launcher;

import java.io.PrintWriter;
import java.util.concurrent.TimeUnit;

/**
 * Tells a person who waits for more than a second how far it has come: after 1, 2, 4, 8... seconds.
 */
final class Progress implements AutoCloseable {
  private final PrintWriter messages;
  private final String what;
  private final Thread thread;
  private volatile String stage = "";

  /**
   * Begins to wait.
   *
   * @param messages where to tell
   * @param what is under way
   */
  Progress(PrintWriter messages, String what) {
    this.messages = messages;
    this.what = what;
    this.thread = Thread.ofVirtual().name("progress").start(this::tell);
  }

  /** It has come to a stage. */
  void reached(String name) {
    stage = ": " + name;
  }

  private void tell() {
    try {
      TimeUnit.SECONDS.sleep(1);
      for (long elapsed = 1; ; elapsed *= 2) {
        messages.println("torpor: %s%s (%d s)".formatted(what, stage, elapsed));
        messages.flush();
        TimeUnit.SECONDS.sleep(elapsed);
      }
    } catch (InterruptedException done) {
      // Nobody waits any more.
    }
  }

  @Override
  public void close() {
    thread.interrupt();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
