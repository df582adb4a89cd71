package dev.torpor.launcher;

import dev.torpor.vmm.device.SerialOutput;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Carries what the guest prints to a stream, at once, and in as few writes as keep up with it.
 *
 * <p>vCPU threads fill one half of a buffer while a thread of its own writes the other. A guest
 * that prints faster than the stream takes it has to wait, or loses what does not fit.
 */
final class ConsoleOutput implements SerialOutput, AutoCloseable {
  private static final int BUFFER_BYTES = 64 << 10;
  private static final long CLOSE_MILLIS = 1000;

  /** How long one byte may hold a vCPU, and so a pause of the VM, before it is lost. */
  private static final long LOSE_AFTER_MILLIS = 10;

  /** What becomes of a guest that prints faster than the stream takes it. */
  enum WhenFull {
    /** It waits, until {@link #neverWait}. */
    WAIT,
    /** It waits for a moment; then bytes are lost until there is room again. */
    LOSE
  }

  private final OutputStream sink;
  private final Runnable onBroken;
  private final WhenFull whenFull;
  private final Thread writer;
  private byte[] filling = new byte[BUFFER_BYTES];
  private byte[] writing = new byte[BUFFER_BYTES];
  private int count;
  private boolean neverWait;
  private boolean losing;
  private long lostBytes;
  private boolean closed;

  /**
   * Begins to carry.
   *
   * @param sink the stream, which stays the caller's
   * @param onBroken called once if the stream takes nothing any more
   * @param whenFull whether a guest that is too fast may be held up
   */
  ConsoleOutput(OutputStream sink, Runnable onBroken, WhenFull whenFull) {
    this.sink = sink;
    this.onBroken = onBroken;
    this.whenFull = whenFull;
    this.writer = Thread.ofPlatform().daemon().name("console-output").start(this::carry);
  }

  @Override
  public synchronized void accept(byte value) {
    if (count == BUFFER_BYTES) {
      awaitRoom();
    }
    if (count < BUFFER_BYTES) {
      filling[count++] = value;
      notifyAll();
    } else {
      lostBytes++;
    }
  }

  private void awaitRoom() {
    boolean interrupted = false;
    while (count == BUFFER_BYTES && !neverWait && !losing) {
      try {
        wait(whenFull == WhenFull.LOSE ? LOSE_AFTER_MILLIS : 0);
        losing = whenFull == WhenFull.LOSE && count == BUFFER_BYTES;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** How much the stream did not take, in bytes. */
  synchronized long lostBytes() {
    return lostBytes;
  }

  /** From now on what does not fit is lost, so that no vCPU is held up. */
  synchronized void neverWait() {
    neverWait = true;
    notifyAll();
  }

  private void carry() {
    try {
      int ready = swap();
      while (ready > 0) {
        sink.write(writing, 0, ready);
        sink.flush();
        ready = swap();
      }
    } catch (IOException broken) {
      neverWait();
      onBroken.run();
    }
  }

  /** Waits for bytes and takes them over; 0 when closed and all is written. */
  private synchronized int swap() {
    while (count == 0 && !closed) {
      try {
        wait();
      } catch (InterruptedException e) {
        return 0;
      }
    }
    byte[] full = filling;
    filling = writing;
    writing = full;
    int ready = count;
    count = 0;
    losing = false;
    notifyAll();
    return ready;
  }

  /** Writes what is left, for a second at most if the stream does not take it. */
  void finish() {
    synchronized (this) {
      closed = true;
      neverWait();
    }
    try {
      writer.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    finish();
  }
}
