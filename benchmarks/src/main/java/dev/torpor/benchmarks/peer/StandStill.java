package dev.torpor.benchmarks.peer;

import java.util.concurrent.locks.LockSupport;

/**
 * How long a guest has stood still at most while it was watched, as seen from outside. A thread
 * looks now and then; what counts is the time between two looks at the same place, so that one that
 * comes late finds too little, never too much.
 */
final class StandStill implements AutoCloseable {
  private static final long POLL_NANOS = 50_000;

  private final WriterProgress progress;
  private final Thread thread;
  private volatile boolean over;
  private volatile long longestNanos;
  private volatile RuntimeException failure;

  /** Watches from now on; nobody else may use the progress meanwhile. */
  StandStill(WriterProgress progress) {
    this.progress = progress;
    thread = Thread.ofPlatform().daemon().name("stand-still").start(this::watch);
  }

  private void watch() {
    try {
      do {
        watchOnePosition(progress.position(), System.nanoTime());
      } while (!over);
    } catch (RuntimeException e) {
      failure = e;
    }
  }

  private void watchOnePosition(long position, long since) {
    while (!over) {
      LockSupport.parkNanos(POLL_NANOS);
      long now = System.nanoTime();
      if (progress.hasLeft(position)) {
        return;
      }
      longestNanos = Math.max(longestNanos, now - since);
    }
  }

  /** The longest until now. */
  long soFarNanos() {
    return longestNanos;
  }

  /** Ends it: nobody else watches the guest's progress any more. */
  long endNanos() {
    close();
    RuntimeException failed = failure;
    if (failed != null) {
      throw failed;
    }
    return longestNanos;
  }

  @Override
  public void close() {
    over = true;
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
