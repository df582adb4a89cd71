package dev.torpor.benchmarks.peer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** A process that ends when this is closed, or the JVM ends, whatever it is at. */
final class OwnProcess implements AutoCloseable {
  private static final Duration LONGEST_START = Duration.ofSeconds(20);
  private static final long POLL_NANOS = 500_000;
  private static final int LAST_WORDS_SECONDS = 10;

  private final Process process;
  private final Path log;
  private final Thread killer;

  /** A way to get into touch with the process, which fails as long as it is not ready. */
  @FunctionalInterface
  interface Connection<T> {
    T open() throws IOException;
  }

  /** Starts a command; what it says goes to the log. */
  static OwnProcess start(List<String> command, Path input, Path log) throws IOException {
    Process process =
        new ProcessBuilder(command)
            .redirectInput(input.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    return new OwnProcess(process, log);
  }

  private OwnProcess(Process process, Path log) {
    this.process = process;
    this.log = log;
    killer = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(killer);
  }

  long pid() {
    return process.pid();
  }

  /** Tries again and again until the process is ready, has ended, or has had enough time. */
  <T> T connect(Connection<T> connection) throws IOException {
    long deadline = System.nanoTime() + LONGEST_START.toNanos();
    while (true) {
      try {
        return connection.open();
      } catch (PeerException e) {
        throw e;
      } catch (IOException notYet) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          throw new IOException("it has not started: " + lastWords(), notYet);
        }
        LockSupport.parkNanos(POLL_NANOS);
      }
    }
  }

  private String lastWords() {
    try {
      List<String> lines = Files.readAllLines(log);
      return lines.isEmpty() ? "it said nothing" : lines.getLast();
    } catch (IOException e) {
      return "it left nothing to read";
    }
  }

  @Override
  public void close() {
    process.destroyForcibly();
    try {
      process.waitFor(LAST_WORDS_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      Runtime.getRuntime().removeShutdownHook(killer);
    } catch (IllegalStateException ending) {
      // The JVM ends, and kills it as well.
    }
  }
}
