package dev.torpor.launcher;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * One of several consoles on one stream: whole lines, each behind the VM's name. A line that is not
 * ended is held back, up to {@link #MAX_LINE_BYTES}.
 */
final class LinePrefix extends OutputStream {
  private static final int MAX_LINE_BYTES = 4096;

  private final OutputStream shared;
  private final byte[] prefix;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  /**
   * One of them.
   *
   * @param shared the stream; the others write to it as well
   * @param name stands before each line
   */
  LinePrefix(OutputStream shared, String name) {
    this.shared = shared;
    this.prefix = (name + ": ").getBytes(StandardCharsets.UTF_8);
  }

  @Override
  public void write(int value) throws IOException {
    if (value == '\r') {
      return;
    }
    if (value != '\n') {
      line.write(value);
    }
    if (value == '\n' || line.size() == MAX_LINE_BYTES) {
      endLine();
    }
  }

  @Override
  public void write(byte[] bytes, int offset, int count) throws IOException {
    for (int i = offset; i < offset + count; i++) {
      write(bytes[i]);
    }
  }

  private void endLine() throws IOException {
    byte[] whole = new byte[prefix.length + line.size() + 1];
    System.arraycopy(prefix, 0, whole, 0, prefix.length);
    System.arraycopy(line.toByteArray(), 0, whole, prefix.length, line.size());
    whole[whole.length - 1] = '\n';
    line.reset();
    synchronized (shared) {
      shared.write(whole);
    }
  }

  /** Ends a line that the guest did not. */
  @Override
  public void close() throws IOException {
    if (line.size() > 0) {
      endLine();
    }
  }
}
