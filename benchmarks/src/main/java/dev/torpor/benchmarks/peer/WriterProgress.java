package dev.torpor.benchmarks.peer;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongUnaryOperator;

/**
 * How far a scatter-writer has come, by the words that it has written: a number that grows by one
 * with each page. One thread at a time.
 */
final class WriterProgress {
  private static final long LONGEST_WAIT_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long POLL_NANOS = 100_000;

  private final PeerGuest guest;
  private final LongUnaryOperator words;

  /** Reads the guest's words by their GPA. */
  WriterProgress(PeerGuest guest, LongUnaryOperator words) {
    this.guest = guest;
    this.words = words;
  }

  private long passOf(long page) {
    return words.applyAsLong(guest.gpa(page)) >>> Integer.SIZE;
  }

  /** The last page that has been written to in the newest pass, plus all pages of older passes. */
  long position() {
    long pass = passOf(0);
    long written = 0;
    long unwritten = guest.pages();
    while (written + 1 < unwritten) {
      long middle = (written + unwritten) >>> 1;
      if (passOf(middle) >= pass) {
        written = middle;
      } else {
        unwritten = middle;
      }
    }
    return pass * guest.pages() + written;
  }

  /** Whether the guest has come further than this position; it reads but one word. */
  boolean hasLeft(long position) {
    long next = position + 1;
    return passOf(next % guest.pages()) >= next / guest.pages();
  }

  /**
   * Waits until the guest has written to each of its pages that many times more, whatever a pass.
   */
  void awaitPasses(int count) throws IOException {
    awaitLeaving((position() / guest.pages() + count + 1) * guest.pages() - 1, POLL_NANOS);
  }

  /** Waits, without letting go of the processor, until the guest writes. */
  void awaitNextPage() throws IOException {
    awaitLeaving(position(), 0);
  }

  private void awaitLeaving(long position, long pollNanos) throws IOException {
    long start = System.nanoTime();
    while (!hasLeft(position)) {
      if (pollNanos > 0) {
        LockSupport.parkNanos(pollNanos);
      } else {
        Thread.onSpinWait();
      }
      if (System.nanoTime() - start > LONGEST_WAIT_NANOS
          || Thread.currentThread().isInterrupted()) {
        throw new IOException("the guest does not write; it stands at " + position());
      }
    }
  }
}
