package dev.torpor.launcher;

import dev.torpor.vmm.device.SerialOutput;
import java.io.IOException;
import java.io.OutputStream;

/**
 * Carries what the guest prints to a stream, at once, and in as few writes as keep up with it.
 *
 * <p>vCPU threads fill one half of a buffer while a thread of its own writes the other. A guest
 * that prints faster than the stream takes it has to wait, until {@link #neverWait}.
 */
final class ConsoleOutput implements SerialOutput, AutoCloseable {
  private static final int BUFFER_BYTES = 64 << 10;
  private static final long CLOSE_MILLIS = 1000;

  private final OutputStream sink;
  private final Runnable onBroken;
  private final Thread writer;
  private byte[] filling = new byte[BUFFER_BYTES];
  private byte[] writing = new byte[BUFFER_BYTES];
  private int count;
  private boolean neverWait;
  private boolean closed;

  /**
   * Begins to carry.
   *
   * @param sink the stream, which stays the caller's
   * @param onBroken called once if the stream takes nothing any more
   */
  ConsoleOutput(OutputStream sink, Runnable onBroken) {
    this.sink = sink;
    this.onBroken = onBroken;
    this.writer = Thread.ofPlatform().daemon().name("console-output").start(this::carry);
  }

  @Override
  public synchronized void accept(byte value) {
    boolean interrupted = false;
    while (count == BUFFER_BYTES && !neverWait) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (count < BUFFER_BYTES) {
      filling[count++] = value;
      notifyAll();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
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
