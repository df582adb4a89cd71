package dev.torpor.launcher.demo;

import dev.torpor.snapshot.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** A store that is gone when the demonstration is over. */
public final class TemporaryStore implements AutoCloseable {
  private final Path folder;
  private final Store store;

  private TemporaryStore(Path folder, Store store) {
    this.folder = folder;
    this.store = store;
  }

  /**
   * Makes one.
   *
   * @return the store, which the caller closes
   * @throws IOException if there is no room for it
   */
  public static TemporaryStore create() throws IOException {
    Path folder = Files.createTempDirectory("torpor-demo-");
    return new TemporaryStore(folder, Store.open(folder));
  }

  /**
   * The store.
   *
   * @return the store, open until this is closed
   */
  public Store store() {
    return store;
  }

  @Override
  public void close() throws IOException {
    store.close();
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(folder)) {
      deepestFirst = files.sorted(Comparator.reverseOrder()).toList();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
    for (Path file : deepestFirst) {
      Files.delete(file);
    }
  }
}
