package dev.torpor.vmm.device;

import java.time.Duration;
import java.util.Objects;
import java.util.function.LongConsumer;

/**
 * How flat guests talk to the VMM: four registers of 64 bits.
 *
 * <pre>
 * offset  name      guest writes                 guest reads
 * 0x00    EXIT      an exit code: it is done     0
 * 0x08    PROGRESS  a counter                    the counter
 * 0x10    ECHO      an answer                    the question
 * 0x18    DETAIL    a word of diagnosis          the word
 * </pre>
 *
 * <p>Meant for aligned accesses of 8 bytes. A narrower write counts as its zero-extended value; one
 * between the registers vanishes.
 */
public final class Doorbell implements BusDevice {
  /** The guest physical address of the registers. */
  public static final long GPA = 0xd000_0000L;

  /** How much of guest physical space they take, in bytes. */
  public static final long BYTE_SIZE = 4096;

  private static final int EXIT = 0x00;
  private static final int PROGRESS = 0x08;
  private static final int ECHO = 0x10;
  private static final int DETAIL = 0x18;

  private final LongConsumer onExit;
  private final Object changed = new Object();
  private volatile long progress;
  private volatile long echoQuestion;
  private volatile long echoAnswer;
  private volatile long detail;
  private volatile boolean exited;

  /**
   * Makes a doorbell whose registers are 0.
   *
   * @param onExit gets the exit code, on the thread of the vCPU that wrote it
   */
  public Doorbell(LongConsumer onExit) {
    this.onExit = Objects.requireNonNull(onExit);
  }

  /**
   * How far the guest says it is.
   *
   * @return the counter that it wrote last
   */
  public long progress() {
    return progress;
  }

  /**
   * Waits until the guest has come far enough.
   *
   * @param atLeast the counter to wait for, unsigned
   * @param timeout how long to wait at most
   * @return whether it has; false after the timeout, or when the guest exits before
   * @throws InterruptedException if the thread is interrupted
   */
  public boolean awaitProgress(long atLeast, Duration timeout) throws InterruptedException {
    long start = System.nanoTime();
    long budgetNanos = timeout.toNanos();
    synchronized (changed) {
      while (!reached(atLeast) && !exited) {
        long leftNanos = budgetNanos - (System.nanoTime() - start);
        if (leftNanos <= 0) {
          return false;
        }
        // Rounded up: wait(0) would wait for ever.
        changed.wait(leftNanos / 1_000_000 + 1);
      }
      return reached(atLeast);
    }
  }

  private boolean reached(long atLeast) {
    return Long.compareUnsigned(progress, atLeast) >= 0;
  }

  /**
   * Asks the guest something.
   *
   * @param question what its next reads of ECHO give
   */
  public void setEcho(long question) {
    echoQuestion = question;
  }

  /**
   * What the guest answered.
   *
   * @return what it wrote last to ECHO
   */
  public long echo() {
    return echoAnswer;
  }

  /**
   * The guest's diagnosis.
   *
   * @return what it wrote last to DETAIL
   */
  public long detail() {
    return detail;
  }

  /**
   * Captures the registers.
   *
   * @return what {@link #restore} takes
   */
  public DoorbellState capture() {
    return new DoorbellState(progress, echoQuestion, echoAnswer, detail);
  }

  /**
   * Goes back to a state, in which the guest has not exited.
   *
   * @param state what {@link #capture} gave
   */
  public void restore(DoorbellState state) {
    synchronized (changed) {
      progress = state.progress();
      echoQuestion = state.echoQuestion();
      echoAnswer = state.echoAnswer();
      detail = state.detail();
      exited = false;
      changed.notifyAll();
    }
  }

  @Override
  public long read(long offset, int byteCount) {
    return switch ((int) offset) {
      case PROGRESS -> progress;
      case ECHO -> echoQuestion;
      case DETAIL -> detail;
      default -> 0;
    };
  }

  @Override
  public void write(long offset, int byteCount, long value) {
    switch ((int) offset) {
      case EXIT -> exit(value);
      case PROGRESS -> advance(value);
      case ECHO -> echoAnswer = value;
      case DETAIL -> detail = value;
      default -> {}
    }
  }

  private void exit(long code) {
    synchronized (changed) {
      exited = true;
      changed.notifyAll();
    }
    onExit.accept(code);
  }

  private void advance(long counter) {
    synchronized (changed) {
      progress = counter;
      changed.notifyAll();
    }
  }
}
