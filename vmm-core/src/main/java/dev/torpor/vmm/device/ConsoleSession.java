package dev.torpor.vmm.device;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/**
 * Drives a guest's console as a person would: waits for text, types lines, reads answers.
 *
 * <pre>{@code
 * ConsoleSession console = new ConsoleSession("# ");
 * Vm vm = Vm.create(VmConfig.boot(guest).console(console).build());
 * console.connect(vm.serialPort().orElseThrow()::offer);
 * vm.start();
 * console.awaitPrompt(Duration.ofSeconds(30));
 * String kernel = console.run("uname -r", Duration.ofSeconds(5));
 * }</pre>
 *
 * <p>One thread drives; the guest prints on another. A guest that prints without end costs at most
 * {@link #MAX_CHARS} of memory: the oldest is forgotten.
 */
public final class ConsoleSession implements SerialOutput {
  /** How much unread output is kept. */
  public static final int MAX_CHARS = 4 << 20;

  private static final long RETRY_MILLIS = 2;
  private static final int SEND_SECONDS = 10;
  private static final int EXCERPT_CHARS = 300;

  /** Where typed bytes go: {@link SerialPort#offer}. */
  @FunctionalInterface
  public interface Input {
    /**
     * Takes as many bytes as there is room for.
     *
     * @param source the bytes
     * @param offset the first of them
     * @param byteCount how many
     * @return how many were taken
     */
    int offer(byte[] source, int offset, int byteCount);
  }

  private final String prompt;

  /** A char for each byte; what was expected, and all before it, is gone. Guarded by this. */
  private final StringBuilder unread = new StringBuilder();

  /** How many of these the waiting thread has looked at. Guarded by this. */
  private int searched;

  private Input input;
  private String ending;

  /**
   * Begins a session.
   *
   * @param prompt what the guest's shell prints when it waits for a command
   */
  public ConsoleSession(String prompt) {
    this.prompt = Objects.requireNonNull(prompt);
  }

  /**
   * Connects the keyboard, once the VM is there.
   *
   * @param keyboard takes what is typed
   */
  public synchronized void connect(Input keyboard) {
    input = Objects.requireNonNull(keyboard);
  }

  @Override
  public synchronized void accept(byte value) {
    if (unread.length() == MAX_CHARS) {
      unread.delete(0, MAX_CHARS / 2);
      searched = Math.max(0, searched - MAX_CHARS / 2);
    }
    unread.append((char) Byte.toUnsignedInt(value));
    notifyAll();
  }

  /**
   * Tells that nothing will be printed any more, so that nobody waits for it.
   *
   * @param reason why, for instance {@code powered off}
   */
  public synchronized void end(String reason) {
    ending = Objects.requireNonNull(reason);
    notifyAll();
  }

  /**
   * Waits for text, and forgets it and what came before.
   *
   * @param text the text, in ASCII
   * @param timeout how long at most
   * @return what came before the text
   * @throws ConsoleException if it does not come in time, or the guest has ended
   * @throws InterruptedException if the thread is interrupted
   */
  public synchronized String expect(String text, Duration timeout) throws InterruptedException {
    long deadline = System.nanoTime() + timeout.toNanos();
    searched = 0;
    while (true) {
      int at = unread.indexOf(text, Math.max(0, searched - text.length()));
      if (at >= 0) {
        String before = decode(unread.substring(0, at));
        unread.delete(0, at + text.length());
        return before;
      }
      searched = unread.length();
      long left = deadline - System.nanoTime();
      if (ending != null || left <= 0) {
        throw missing(text, ending == null ? "not within " + timeout : "the VM is " + ending);
      }
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
  }

  private ConsoleException missing(String text, String reason) {
    String tail = unread.substring(Math.max(0, unread.length() - EXCERPT_CHARS));
    return new ConsoleException(
        "the console did not show \"%s\": %s; its last words: \"%s\""
            .formatted(text, reason, decode(tail).strip()));
  }

  /**
   * Waits for the shell.
   *
   * @param timeout how long at most
   * @return what was printed before the prompt
   * @throws ConsoleException if it does not come in time, or the guest has ended
   * @throws InterruptedException if the thread is interrupted
   */
  public String awaitPrompt(Duration timeout) throws InterruptedException {
    return expect(prompt, timeout);
  }

  /**
   * Types a line into the shell and waits until the prompt is back.
   *
   * @param command the line
   * @param timeout how long at most
   * @return what the command printed, its lines ended by LF, without the line's own echo
   * @throws ConsoleException if the prompt does not come back in time, or the guest has ended
   * @throws InterruptedException if the thread is interrupted
   */
  public String run(String command, Duration timeout) throws InterruptedException {
    sendLine(command);
    String output = awaitPrompt(timeout).replace("\r\n", "\n");
    String echo = command + "\n";
    return output.startsWith(echo) ? output.substring(echo.length()) : output;
  }

  /**
   * Types a line.
   *
   * @param line the line, without its end
   * @throws ConsoleException if the guest does not take it
   * @throws InterruptedException if the thread is interrupted
   */
  public void sendLine(String line) throws InterruptedException {
    byte[] bytes = (line + "\n").getBytes(StandardCharsets.UTF_8);
    Input keyboard;
    synchronized (this) {
      keyboard = Objects.requireNonNull(input, "connect comes first");
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SEND_SECONDS);
    int sent = keyboard.offer(bytes, 0, bytes.length);
    while (sent < bytes.length) {
      if (System.nanoTime() > deadline) {
        throw new ConsoleException("the guest reads nothing; it did not take \"" + line + "\"");
      }
      Thread.sleep(RETRY_MILLIS);
      sent += keyboard.offer(bytes, sent, bytes.length - sent);
    }
  }

  private static String decode(String bytes) {
    return new String(bytes.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8);
  }
}
