package dev.torpor.launcher;

import dev.torpor.linux.Terminal;

/** A terminal in raw mode, restored on closing, and by a shutdown hook if a signal comes first. */
final class RawMode implements AutoCloseable {
  /** For streams that are no terminal. */
  static final RawMode NONE = new RawMode(null);

  private final Terminal terminal;
  private final Thread hook;

  private RawMode(Terminal terminal) {
    this.terminal = terminal;
    this.hook = terminal == null ? null : new Thread(terminal::close, "restore-terminal");
  }

  /** Enters raw mode. */
  static RawMode enter(Stdio stdio) {
    RawMode mode = new RawMode(stdio.makeRaw());
    Runtime.getRuntime().addShutdownHook(mode.hook);
    return mode;
  }

  @Override
  public void close() {
    if (terminal == null) {
      return;
    }
    terminal.close();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException shuttingDown) {
      // The hook closes it a second time, which does nothing.
    }
  }
}
