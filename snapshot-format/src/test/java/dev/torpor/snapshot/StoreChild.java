package dev.torpor.snapshot;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;

/** Another process that uses a store, until it is killed. */
final class StoreChild implements AutoCloseable {
  private final Process process;
  private final BufferedReader output;

  private StoreChild(Process process) {
    this.process = process;
    this.output =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
  }

  static StoreChild start(String task, Path folder, String... more) throws IOException {
    List<String> command =
        Stream.concat(
                Stream.of(
                    Path.of(System.getProperty("java.home"), "bin/java").toString(),
                    "--sun-misc-unsafe-memory-access=allow",
                    "-XX:TieredStopAtLevel=1",
                    "-cp",
                    System.getProperty("java.class.path"),
                    StoreChild.class.getName(),
                    task,
                    folder.toString()),
                Stream.of(more))
            .toList();
    return new StoreChild(
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start());
  }

  /** Waits for the next line; null after the end. */
  String line() {
    try {
      return output.readLine();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Kills it as kill -9 does, and returns what it had said before. */
  List<String> kill() throws InterruptedException {
    // By the handle, as destroying the process itself would close its output unread.
    process.toHandle().destroyForcibly();
    process.waitFor();
    return Stream.generate(this::line).takeWhile(line -> line != null).toList();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }

  public static void main(String[] arguments) throws InterruptedException {
    Store store = Store.open(Path.of(arguments[1]));
    switch (arguments[0]) {
      case "publish" -> publish(store);
      case "hold" -> hold(store, UUID.fromString(arguments[2]));
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }

  /** Publishes children of children, and says each one's UUID as soon as it is durable. */
  private static void publish(Store store) {
    Image image = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
    Optional<UUID> parent = Optional.empty();
    for (long seed = 1; true; seed++) {
      Checkpoints.Written written =
          Checkpoints.write(store, image, LayerKind.PACKED, seed, seed % 64, (seed + 7) % 64);
      CheckpointHold hold = Checkpoints.publish(store, written, parent, "web", "v" + seed);
      System.out.println(hold.manifest().uuid());
      parent = Optional.of(hold.manifest().uuid());
      image = written.image();
    }
  }

  /** Uses a checkpoint and writes a layer for ever. */
  private static void hold(Store store, UUID uuid) throws InterruptedException {
    CheckpointHold hold = store.hold(uuid);
    int layer = store.layers().create(LayerKind.PACKED, Checkpoints.BLOCK_COUNT).number();
    System.out.println(hold.manifest().summary().vmName() + " " + layer);
    Thread.sleep(Long.MAX_VALUE);
  }
}
