package dev.torpor.launcher;

import com.google.gson.JsonObject;
import dev.torpor.launcher.control.ControlClient;
import dev.torpor.launcher.control.ControlException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The launcher in a process of its own, running a VM under a name. */
final class VmProcess implements AutoCloseable {
  private static final Duration PATIENCE = Duration.ofMinutes(3);

  private final Process process;
  private final Path store;
  private final String name;
  private final Path errors;

  private VmProcess(Process process, Path store, String name, Path errors) {
    this.process = process;
    this.store = store;
    this.name = name;
    this.errors = errors;
  }

  /** Starts it, and waits until the VM can be controlled. */
  static VmProcess start(Path store, String name, String... arguments)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1", // it starts sooner, above all in the lab
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
    command.addAll(List.of(arguments));
    command.addAll(List.of("--name", name, "--store", store.toString()));
    Path errors = Files.createTempFile("torpor-test", ".err");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(errors.toFile())
            .start();
    VmProcess vm = new VmProcess(process, store, name, errors);
    vm.awaitService();
    return vm;
  }

  private void awaitService() throws IOException, InterruptedException {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (System.nanoTime() < deadline && process.isAlive()) {
      try {
        ask("status");
        return;
      } catch (ControlException notYet) {
        Thread.sleep(100);
      }
    }
    String said = errors();
    close();
    throw new IllegalStateException("VM '%s' does not serve: %s".formatted(name, said));
  }

  /** Asks it for something without members. */
  JsonObject ask(String command) throws IOException {
    JsonObject request = new JsonObject();
    request.addProperty("command", command);
    try (ControlClient client = ControlClient.connect(store, name)) {
      return client.call(request, _ -> {});
    }
  }

  /** Waits for its end. */
  int exitCode() throws InterruptedException {
    if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
      throw new IllegalStateException("VM '%s' does not end".formatted(name));
    }
    return process.exitValue();
  }

  /** Ends the process as kill -9 does. */
  void kill() {
    process.destroyForcibly().onExit().join();
  }

  /** What it said. */
  String errors() throws IOException {
    return Files.readString(errors);
  }

  @Override
  public void close() throws IOException {
    kill();
    Files.deleteIfExists(errors);
  }
}
