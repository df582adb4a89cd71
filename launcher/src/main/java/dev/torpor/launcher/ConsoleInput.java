package dev.torpor.launcher;

import dev.torpor.vmm.device.ConsoleSession;
import java.io.IOException;
import java.io.InputStream;

/** Carries what a person types, or a script writes, to the guest's serial port. */
final class ConsoleInput {
  private static final int CHUNK_BYTES = 1024;
  private static final long RETRY_MILLIS = 5;

  private final InputStream source;
  private final ConsoleSession.Input guest;
  private final byte[] pending = new byte[CHUNK_BYTES];
  private int pendingCount;

  /** What a user can ask for, besides the end. */
  interface Commands {
    /** Shows what can be asked for. */
    void help();

    /** Gives the keyboard to the next guest. */
    void next();
  }

  ConsoleInput(InputStream source, ConsoleSession.Input guest) {
    this.source = source;
    this.guest = guest;
  }

  /** Carries every byte as it is, until the source ends. */
  void carry() throws IOException, InterruptedException {
    byte[] chunk = new byte[CHUNK_BYTES];
    int count = source.read(chunk);
    while (count >= 0) {
      offer(chunk, count);
      count = source.read(chunk);
    }
  }

  /**
   * Carries keys, until the source ends or the user quits.
   *
   * @param commands does what the user asks for
   * @return whether the user quits
   */
  boolean carryKeys(Commands commands) throws IOException, InterruptedException {
    ConsoleEscape escape = new ConsoleEscape();
    byte[] chunk = new byte[CHUNK_BYTES];
    int count = source.read(chunk);
    while (count >= 0) {
      for (int i = 0; i < count; i++) {
        switch (escape.accept(chunk[i])) {
          case KEY -> pending[pendingCount++] = chunk[i];
          case ESCAPED_CTRL_A -> pending[pendingCount++] = ConsoleEscape.CTRL_A;
          case HELP -> commands.help();
          case NEXT -> {
            offer(pending, pendingCount);
            pendingCount = 0;
            commands.next();
          }
          case QUIT -> {
            guest.offer(pending, 0, pendingCount); // not waiting: the VM is about to end
            return true;
          }
          case NOTHING -> {}
        }
      }
      offer(pending, pendingCount);
      pendingCount = 0;
      count = source.read(chunk);
    }
    return false;
  }

  /** Waits for room: a guest that does not read must not lose what was typed. */
  private void offer(byte[] bytes, int count) throws InterruptedException {
    int taken = guest.offer(bytes, 0, count);
    while (taken < count) {
      Thread.sleep(RETRY_MILLIS);
      taken += guest.offer(bytes, taken, count - taken);
    }
  }
}
