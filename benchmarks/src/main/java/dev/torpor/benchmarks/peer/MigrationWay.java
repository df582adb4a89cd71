package dev.torpor.benchmarks.peer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;

/**
 * Ways that migrate to a file. Most leave the machine stopped, as if it had moved, so it is told to
 * continue at once.
 */
enum MigrationWay implements CheckpointWay {
  /** A stream, into a pipe: memory while the guest runs, then what it has written meanwhile. */
  MIGRATE("migrate", false, false),

  /** The same, each page at its place in the file (QEMU 9). */
  MAPPED_RAM("mapped-ram", true, false),

  /** The state first; then memory as it was, write-protected, while the guest runs. */
  BACKGROUND_SNAPSHOT("background-snapshot", true, true);

  private static final long UNLIMITED_BYTES_PER_SECOND = 1L << 40;
  private static final long POLL_NANOS = 100_000;

  private final String label;
  private final boolean isCapability;
  private final boolean continues;

  /** The capability that it needs, if any, is called like the way. */
  MigrationWay(String label, boolean isCapability, boolean continues) {
    this.label = label;
    this.isCapability = isCapability;
    this.continues = continues;
  }

  @Override
  public String label() {
    return label;
  }

  @Override
  public boolean isAmong(Set<String> offered) {
    return !isCapability || offered.contains(label);
  }

  @Override
  public void prepare(QmpClient qmp, Path folder) throws IOException {
    qmp.execute("migrate-set-parameters", Map.of("max-bandwidth", UNLIMITED_BYTES_PER_SECOND));
    enableCapabilities(qmp);
  }

  /** On the side that saves as on the one that loads. */
  void enableCapabilities(QmpClient qmp) throws IOException {
    List<Map<String, ?>> settings = new ArrayList<>();
    settings.add(Map.of("capability", "events", "state", true));
    if (isCapability) {
      settings.add(Map.of("capability", label, "state", true));
    }
    qmp.execute("migrate-set-capabilities", Map.of("capabilities", settings));
  }

  @Override
  public Path take(QmpClient qmp, Path folder) throws IOException {
    Path file = file(folder);
    qmp.execute("migrate", Map.of("uri", outgoingUri(file)));
    QmpEvent end =
        qmp.await(
            event ->
                event.is("MIGRATION")
                    && (event.says("status", "completed") || event.says("status", "failed")),
            "the end of the migration");
    if (end.says("status", "failed")) {
      throw new PeerException("QEMU failed to save: " + qmp.execute("query-migrate"));
    }
    if (!continues) {
      resume(qmp);
    }
    qmp.await("RESUME");
    return file;
  }

  /** QEMU tells the end of a migration before the machine can continue. */
  private static void resume(QmpClient qmp) throws IOException {
    while (!statusOf(qmp).equals("postmigrate")) {
      LockSupport.parkNanos(POLL_NANOS);
    }
    qmp.execute("cont");
  }

  private static String statusOf(QmpClient qmp) throws IOException {
    return qmp.execute("query-status").getAsJsonObject().get("status").getAsString();
  }

  private static Path file(Path folder) {
    return folder.resolve("machine");
  }

  /** A plain stream goes through a pipe, as it does with versions that cannot open files. */
  private String outgoingUri(Path file) {
    return this == MAPPED_RAM ? "file:" + file : "exec:exec cat >" + quoted(file);
  }

  /** Where a QEMU takes a machine from that has this file as its standard input, too. */
  String incomingUri(Path file) {
    return this == MAPPED_RAM ? "file:" + file : "fd:0";
  }

  private static String quoted(Path file) {
    return "'" + file.toString().replace("'", "'\\''") + "'";
  }

  @Override
  public void discard(QmpClient qmp, Path folder) throws IOException {
    Files.deleteIfExists(file(folder));
  }

  @Override
  public boolean reportsDowntime() {
    return true;
  }
}
