package dev.torpor.vmm.device;

import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * Drives a guest's serial console as a person would: waits for text, types a line, reads the
 * answer.
 *
 * <p>It is the port's output, so a VM is configured with it; {@link #connect} then gives it the
 * port to type into. All that the guest printed is kept. One thread drives; the vCPU threads print.
 */
public final class ConsoleSession implements SerialOutput {
  private static final long INPUT_RETRY_MILLIS = 2;

  private final SerialOutput echo;
  private final StringBuilder printed = new StringBuilder();
  private SerialPort port;

  /** How much of what was printed has been waited for. */
  private int consumed;

  /**
   * A session.
   *
   * @param echo also gets what the guest prints, for instance to show it
   */
  public ConsoleSession(SerialOutput echo) {
    this.echo = echo;
  }

  /**
   * Gives the session the port to type into.
   *
   * @param serialPort the port whose output this is
   */
  public void connect(SerialPort serialPort) {
    port = serialPort;
  }

  @Override
  public void accept(byte value) {
    echo.accept(value);
    synchronized (printed) {
      printed.append((char) Byte.toUnsignedInt(value));
      printed.notifyAll();
    }
  }

  /**
   * Waits until the guest has printed a text, after what was waited for before.
   *
   * @param text the text
   * @param timeout how long to wait at most
   * @return what was printed before the text
   * @throws IllegalStateException if it does not come in time; the message ends with what did come
   * @throws InterruptedException if the thread is interrupted
   */
  public String await(String text, Duration timeout) throws InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    synchronized (printed) {
      while (true) {
        int found = printed.indexOf(text, consumed);
        if (found >= 0) {
          String before = printed.substring(consumed, found);
          consumed = found + text.length();
          return before;
        }
        long leftNanos = deadline - System.nanoTime();
        if (leftNanos <= 0) {
          throw new IllegalStateException(
              "the guest did not print '%s' within %d s; it printed last: %s"
                  .formatted(text, timeout.toSeconds(), tail()));
        }
        printed.wait(leftNanos / 1_000_000 + 1);
      }
    }
  }

  private String tail() {
    int length = printed.length();
    return printed.substring(Math.max(0, length - 1_000), length);
  }

  /**
   * Types a line and the return key.
   *
   * @param line the line, in ASCII
   * @throws InterruptedException if the thread is interrupted while the port is full
   */
  public void type(String line) throws InterruptedException {
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.US_ASCII);
    int sent = 0;
    while (sent < bytes.length) {
      sent += port.offer(bytes, sent, bytes.length - sent);
      if (sent < bytes.length) {
        Thread.sleep(INPUT_RETRY_MILLIS);
      }
    }
  }

  /**
   * Everything that the guest has printed.
   *
   * @return the text so far, a character for each byte
   */
  public String printed() {
    synchronized (printed) {
      return printed.toString();
    }
  }
}
