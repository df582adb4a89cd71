package dev.torpor.benchmarks.peer;

import dev.torpor.benchmarks.Folders;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Somebody at the other end of a socket who says what a test wants. */
final class FakePeer implements AutoCloseable {
  private final Path folder;
  private final ServerSocketChannel server;
  private final Thread thread;

  /** What it says to whoever connects. */
  @FunctionalInterface
  interface Talk {
    void with(InputStream in, OutputStream out) throws IOException, InterruptedException;
  }

  /** Talks to one after the other, until it is closed. */
  FakePeer(Talk talk) throws IOException {
    folder = Files.createTempDirectory("torpor-fake-");
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(socket()));
    thread = Thread.ofPlatform().daemon().start(() -> serve(talk));
  }

  Path socket() {
    return folder.resolve("socket");
  }

  private void serve(Talk talk) {
    while (server.isOpen() && !Thread.currentThread().isInterrupted()) {
      try (SocketChannel channel = server.accept()) {
        talk.with(Channels.newInputStream(channel), Channels.newOutputStream(channel));
      } catch (IOException | InterruptedException gone) {
        // The client has had enough, or the test is over.
      }
    }
  }

  @Override
  public void close() throws IOException {
    thread.interrupt();
    server.close();
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      Folders.delete(folder);
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }
}
