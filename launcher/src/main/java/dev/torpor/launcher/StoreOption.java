package dev.torpor.launcher;

import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.snapshot.UnknownCheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Option;

/** Which store a command works on. */
final class StoreOption {
  @Option(
      names = "--store",
      paramLabel = "DIR",
      description = "The folder of checkpoints ($XDG_DATA_HOME/torpor, or ~/.local/share/torpor).")
  private Path folder;

  private final Map<String, String> environment;

  StoreOption(Map<String, String> environment) {
    this.environment = environment;
  }

  boolean isGiven() {
    return folder != null;
  }

  /** The store's folder, which need not be there yet. */
  Path folder() {
    return folder != null ? folder : dataHome().resolve("torpor");
  }

  /** Where the disks of a VM keep what the next run of the same name continues with. */
  Path diskFolder(String vmName) {
    return folder().toAbsolutePath().resolve("vms").resolve(vmName);
  }

  private Path dataHome() {
    Path configured = Path.of(environment.getOrDefault("XDG_DATA_HOME", ""));
    return configured.isAbsolute() // the specification of that variable ignores others
        ? configured
        : Path.of(System.getProperty("user.home"), ".local", "share");
  }

  /** Whether there is anything to look at. */
  boolean exists() {
    return Files.isDirectory(folder());
  }

  /** Opens the store; one is made where nothing is yet. */
  Store open() throws IOException {
    return Store.open(folder());
  }

  /** Opens a store in which something shall be found. */
  Store openExisting() throws IOException {
    if (!exists()) {
      throw new IllegalStateException(
          "no store at %s: 'torpor run --name NAME' makes one, --store DIR names another"
              .formatted(folder()));
    }
    return open();
  }

  /**
   * The checkpoint that a person means.
   *
   * @throws IllegalStateException if there is none, or several could be meant
   */
  static Summary find(Store store, String ref) throws IOException {
    try {
      return store.find(ref);
    } catch (UnknownCheckpointException e) {
      throw new IllegalStateException(e.getMessage() + " ('torpor log' lists all)", e);
    }
  }
}
