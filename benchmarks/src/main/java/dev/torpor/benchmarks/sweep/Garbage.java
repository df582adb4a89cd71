package dev.torpor.benchmarks.sweep;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A thread that allocates at an even rate, and keeps the newest few megabytes alive. */
final class Garbage implements AutoCloseable {
  private static final int OBJECT_BYTES = 16 << 10;
  private static final int LIVE_OBJECTS = 256;
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final byte[][] live = new byte[LIVE_OBJECTS][];
  private final long bytesPerSecond;
  private final long startNanos = System.nanoTime();
  private final Thread thread;
  private volatile long allocatedBytes;
  private volatile boolean closing;

  Garbage(long bytesPerSecond) {
    this.bytesPerSecond = bytesPerSecond;
    thread = Thread.ofPlatform().daemon().name("garbage").start(this::allocate);
  }

  private void allocate() {
    long objects = 0;
    while (!closing) {
      double seconds = (double) (System.nanoTime() - startNanos) / TimeUnit.SECONDS.toNanos(1);
      long due = (long) (seconds * bytesPerSecond) / OBJECT_BYTES;
      for (; objects < due && !closing; objects++) {
        live[(int) (objects % LIVE_OBJECTS)] = new byte[OBJECT_BYTES];
      }
      allocatedBytes = objects * OBJECT_BYTES;
      LockSupport.parkNanos(TICK_NANOS);
    }
  }

  /** How much was allocated a second since the beginning: less than asked if that was too much. */
  double bytesPerSecond() {
    long nanos = System.nanoTime() - startNanos;
    return (double) allocatedBytes * TimeUnit.SECONDS.toNanos(1) / nanos;
  }

  @Override
  public void close() {
    closing = true;
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // it ends by itself
    }
  }
}
