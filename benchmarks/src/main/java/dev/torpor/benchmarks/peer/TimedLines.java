package dev.torpor.benchmarks.peer;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/** Lines over a socket, each of limited length, each awaited for a limited time. One thread. */
final class TimedLines implements AutoCloseable {
  /** How long a line may be, in bytes without its end. */
  static final int MAX_LINE_BYTES = 1 << 20;

  private final String peer;
  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private final Duration limit;
  private final ByteBuffer incoming = ByteBuffer.allocate(16 << 10).flip();

  /**
   * Owns the channel from now on.
   *
   * @param peer whom errors speak of
   * @param limit how long to wait for any line
   */
  TimedLines(String peer, SocketChannel channel, Duration limit) throws IOException {
    this.peer = peer;
    this.channel = channel;
    this.limit = limit;
    try {
      channel.configureBlocking(false);
      selector = Selector.open();
      key = channel.register(selector, SelectionKey.OP_READ);
    } catch (IOException e) {
      channel.close();
      throw e;
    }
  }

  /**
   * Waits for a line.
   *
   * @return the line without its end; empty at the end of the stream, which cuts off a partial one
   */
  Optional<String> read() throws IOException {
    long deadline = System.nanoTime() + limit.toNanos();
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    while (true) {
      if (!incoming.hasRemaining() && !fill(deadline)) {
        return Optional.empty();
      }
      byte next = incoming.get();
      if (next == '\n') {
        return Optional.of(line.toString(StandardCharsets.UTF_8).stripTrailing());
      }
      if (line.size() == MAX_LINE_BYTES) {
        throw new PeerException(peer + " sent a line of more than " + MAX_LINE_BYTES + " bytes");
      }
      line.write(next);
    }
  }

  private boolean fill(long deadline) throws IOException {
    incoming.clear();
    int count = channel.read(incoming);
    while (count == 0) {
      await(SelectionKey.OP_READ, deadline);
      count = channel.read(incoming);
    }
    incoming.flip();
    return count > 0;
  }

  /** Waits for that many bytes that make a text. */
  String read(int byteCount) throws IOException {
    long deadline = System.nanoTime() + limit.toNanos();
    byte[] text = new byte[byteCount];
    for (int i = 0; i < byteCount; i++) {
      if (!incoming.hasRemaining() && !fill(deadline)) {
        throw new PeerException("%s hung up after %d of %d bytes".formatted(peer, i, byteCount));
      }
      text[i] = incoming.get();
    }
    return new String(text, StandardCharsets.UTF_8);
  }

  void write(String text) throws IOException {
    long deadline = System.nanoTime() + limit.toNanos();
    ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
    while (bytes.hasRemaining()) {
      if (channel.write(bytes) == 0) {
        await(SelectionKey.OP_WRITE, deadline);
      }
    }
  }

  private void await(int operation, long deadline) throws IOException {
    long millis = Math.ceilDiv(deadline - System.nanoTime(), 1_000_000L);
    key.interestOps(operation);
    if (millis <= 0) {
      throw new PeerException(peer + " said nothing for " + limit.toMillis() + " ms");
    }
    selector.select(_ -> {}, millis);
    if (Thread.currentThread().isInterrupted()) {
      throw new PeerException("interrupted while waiting for " + peer);
    }
  }

  @Override
  public void close() throws IOException {
    try (channel) {
      selector.close();
    }
  }
}
