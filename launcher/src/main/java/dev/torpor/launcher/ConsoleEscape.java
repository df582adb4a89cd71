package dev.torpor.launcher;

/**
 * Finds the user's own commands among the keys meant for the guest: Ctrl-A, then a letter.
 *
 * <pre>
 *            Ctrl-A
 *   typing ----------> escaped
 *     ^                   |  x        quit
 *     |                   |  h, ?     help
 *     |                   |  a, ^A    Ctrl-A goes to the guest
 *     |                   |  n         the keys go to the next guest
 *     +-------------------+  other    nothing
 * </pre>
 */
final class ConsoleEscape {
  /** The key that begins a command. */
  static final byte CTRL_A = 1;

  private boolean escaped;

  /** What a key means. */
  enum Meaning {
    /** The key goes to the guest. */
    KEY,
    /** Ctrl-A goes to the guest. */
    ESCAPED_CTRL_A,
    /** Nothing, or not yet. */
    NOTHING,
    /** The user wants to see the commands. */
    HELP,
    /** The keys that follow are for the next of several guests. */
    NEXT,
    /** The user wants to end the VM. */
    QUIT
  }

  /** Takes the next key. */
  Meaning accept(byte key) {
    if (!escaped) {
      escaped = key == CTRL_A;
      return escaped ? Meaning.NOTHING : Meaning.KEY;
    }
    escaped = false;
    return switch (key) {
      case 'x', 'X' -> Meaning.QUIT;
      case 'h', 'H', '?' -> Meaning.HELP;
      case 'n', 'N' -> Meaning.NEXT;
      case 'a', 'A', CTRL_A -> Meaning.ESCAPED_CTRL_A;
      default -> Meaning.NOTHING;
    };
  }
}
