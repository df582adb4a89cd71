package dev.torpor.launcher.control;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Lines of UTF-8 over a socket, none longer than {@link #MAX_LINE_BYTES}. One thread at a time. */
final class LineChannel implements Closeable {
  /** How long a line may be, in bytes without its end. */
  static final int MAX_LINE_BYTES = 64 << 10;

  private final SocketChannel channel;
  private final ByteBuffer incoming = ByteBuffer.allocate(8 << 10).flip();

  /** The peer sent a line that is too long or no text; what follows it cannot be told apart. */
  static final class MalformedLineException extends IOException {
    private static final long serialVersionUID = 1L;

    MalformedLineException(String message) {
      super(message);
    }
  }

  LineChannel(SocketChannel channel) {
    this.channel = channel;
  }

  /**
   * Waits for a line.
   *
   * @return the line without its end; null at the end of the stream, which cuts off a partial one
   */
  String read() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      if (!incoming.hasRemaining() && !fill()) {
        return null;
      }
      byte next = incoming.get();
      if (next == '\n') {
        return decode(line.toByteArray());
      }
      if (line.size() == MAX_LINE_BYTES) {
        throw new MalformedLineException("a line may have %d bytes".formatted(MAX_LINE_BYTES));
      }
      line.write(next);
    }
  }

  private boolean fill() throws IOException {
    incoming.clear();
    int count = channel.read(incoming);
    incoming.flip();
    return count >= 0;
  }

  private static String decode(byte[] bytes) throws MalformedLineException {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedLineException("a line must be UTF-8");
    }
  }

  /** Sends a line, for as long as the peer takes to read. */
  void write(String line) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  /** Nothing more is read: a thread that waits for a line gets the end of the stream. */
  void endInput() throws IOException {
    try {
      channel.shutdownInput();
    } catch (ClosedChannelException ended) {
      // Its own thread was sooner.
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
