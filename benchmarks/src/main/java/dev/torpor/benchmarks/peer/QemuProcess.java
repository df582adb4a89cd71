package dev.torpor.benchmarks.peer;

import com.google.gson.JsonObject;
import dev.torpor.benchmarks.Folders;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A QEMU of our own: whatever happens, it ends when this is closed or the JVM ends. */
final class QemuProcess implements AutoCloseable {
  /** Has the least devices of all that boot a PVH kernel, so the least to save. */
  static final String MACHINE = "microvm";

  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(60);

  private final PeerGuest guest;
  private final Path folder;
  private final OwnProcess process;
  private final QmpClient qmp;

  /**
   * Starts it and connects.
   *
   * @param input its standard input, which it can take a machine from
   * @param more arguments
   */
  static QemuProcess start(QemuSettings settings, Path input, String... more) throws IOException {
    Path folder = Files.createTempDirectory("torpor-peer-");
    try {
      return new QemuProcess(settings, folder, input, List.of(more));
    } catch (IOException | RuntimeException e) {
      Folders.delete(folder);
      throw e;
    }
  }

  private QemuProcess(QemuSettings settings, Path folder, Path input, List<String> more)
      throws IOException {
    this.guest = settings.guest();
    this.folder = folder;
    List<String> command = command(settings, socket());
    command.addAll(more);
    process = OwnProcess.start(command, input, folder.resolve("log"));
    try {
      qmp = connect();
    } catch (IOException | RuntimeException e) {
      process.close();
      throw e;
    }
  }

  private static List<String> command(QemuSettings settings, Path socket) {
    List<String> command = new ArrayList<>();
    command.add(settings.program().toString());
    command.addAll(List.of("-accel", settings.accelerator(), "-M", MACHINE));
    command.addAll(List.of("-m", settings.guest().mebibytes() + "M"));
    command.addAll(List.of("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"));
    command.addAll(List.of("-qmp", "unix:" + value(socket) + ",server=on,wait=off"));
    command.addAll(List.of("-kernel", settings.kernel().toString()));
    command.addAll(List.of("-append", settings.guest().commandLine()));
    return command;
  }

  /** As QEMU's options have it, in which a comma ends a value. */
  private static String value(Path path) {
    return path.toString().replace(",", ",,");
  }

  private Path socket() {
    return folder.resolve("qmp");
  }

  private QmpClient connect() throws IOException {
    return process.connect(() -> QmpClient.connect(socket(), LONGEST_ANSWER));
  }

  QmpClient qmp() {
    return qmp;
  }

  /** Opens its guest's memory. */
  GuestRam openRam() throws IOException {
    return GuestRam.of(process.pid(), guest.memoryBytes());
  }

  /** Such as 7.2.22. */
  String version() throws IOException {
    JsonObject version = qmp.execute("query-version").getAsJsonObject().getAsJsonObject("qemu");
    return "%d.%d.%d"
        .formatted(
            version.get("major").getAsInt(),
            version.get("minor").getAsInt(),
            version.get("micro").getAsInt());
  }

  /** What its migration can do. */
  Set<String> capabilities() throws IOException {
    Set<String> names = new HashSet<>();
    for (var capability : qmp.execute("query-migrate-capabilities").getAsJsonArray()) {
      names.add(capability.getAsJsonObject().get("capability").getAsString());
    }
    return names;
  }

  @Override
  public void close() throws IOException {
    try (qmp) {
      process.close();
    } finally {
      Folders.delete(folder);
    }
  }
}
