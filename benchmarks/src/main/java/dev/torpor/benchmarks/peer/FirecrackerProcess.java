package dev.torpor.benchmarks.peer;

import dev.torpor.benchmarks.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** A Firecracker of our own, which ends when this is closed. */
final class FirecrackerProcess implements AutoCloseable {
  private static final Path NO_INPUT = Path.of("/dev/null");
  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(60);

  private final Path folder;
  private final OwnProcess process;
  private final HttpClient http;

  static FirecrackerProcess start(Path program) throws IOException {
    Path folder = Files.createTempDirectory("torpor-peer-");
    try {
      return new FirecrackerProcess(program, folder);
    } catch (IOException | RuntimeException e) {
      Folders.delete(folder);
      throw e;
    }
  }

  private FirecrackerProcess(Path program, Path folder) throws IOException {
    this.folder = folder;
    Path socket = folder.resolve("api");
    process =
        OwnProcess.start(
            List.of(program.toString(), "--api-sock", socket.toString()),
            NO_INPUT,
            folder.resolve("log"));
    try {
      http = process.connect(() -> HttpClient.connect(socket, LONGEST_ANSWER));
    } catch (IOException | RuntimeException e) {
      process.close();
      throw e;
    }
  }

  FirecrackerApi api() {
    return new FirecrackerApi(http);
  }

  /** Opens its guest's memory, once it has one. */
  GuestRam openRam(PeerGuest guest) throws IOException {
    return GuestRam.of(process.pid(), guest.memoryBytes());
  }

  @Override
  public void close() throws IOException {
    try (http) {
      process.close();
    } finally {
      Folders.delete(folder);
    }
  }
}
