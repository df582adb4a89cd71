package dev.torpor.testing;

import java.lang.management.ManagementFactory;
import java.time.Duration;

/** Measures what code allocates on the Java heap, for paths that must not. */
public final class Allocation {
  private static final com.sun.management.ThreadMXBean THREADS =
      (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

  private static final long NEXT_TO_NOTHING = 1000;
  private static final Duration PATIENCE = Duration.ofSeconds(20);

  private Allocation() {}

  /**
   * What the calling thread has allocated since it started.
   *
   * @return the number of bytes
   */
  public static long ofThisThread() {
    return THREADS.getCurrentThreadAllocatedBytes();
  }

  /**
   * What another thread has allocated since it started.
   *
   * @param thread the thread
   * @return the number of bytes; -1 if it has ended
   */
  public static long of(Thread thread) {
    return THREADS.getThreadAllocatedBytes(thread.threadId());
  }

  /**
   * Runs some work on the calling thread and counts what it allocates.
   *
   * @param work what to run; compiled already, if only its steady state matters
   * @return the number of bytes, of which a few hundred may be the measurement's own
   */
  public static long bytesOf(Runnable work) {
    long before = ofThisThread();
    work.run();
    return ofThisThread() - before;
  }

  /**
   * Runs some work on the calling thread again and again, until it allocates next to nothing: that
   * it does so at first may only mean that it is not compiled yet, and on a busy host that takes a
   * while.
   *
   * @param work what to run, for some milliseconds
   * @return the number of bytes that it allocated when it allocated least
   */
  public static long leastBytesOf(Runnable work) {
    long least = Long.MAX_VALUE;
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (least >= NEXT_TO_NOTHING && System.nanoTime() < end) {
      least = Math.min(least, bytesOf(work));
    }
    return least;
  }
}
