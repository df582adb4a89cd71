package dev.torpor.benchmarks;

import dev.torpor.snapshot.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** A store for one benchmark, in a new folder that goes with it. */
public final class ScratchStore implements AutoCloseable {
  private final Path folder;
  private final Store store;

  /**
   * Makes one: where it lies is part of what is measured.
   *
   * @param parent a folder that exists
   * @throws UncheckedIOException if it cannot be made there
   */
  public ScratchStore(Path parent) {
    try {
      folder = Files.createTempDirectory(parent, "torpor-bench-");
    } catch (IOException e) {
      throw new UncheckedIOException("cannot make a store in " + parent, e);
    }
    store = Store.open(folder.resolve("store"));
  }

  /**
   * The store.
   *
   * @return the same each time; closed with this
   */
  public Store store() {
    return store;
  }

  /**
   * What goes with it.
   *
   * @return a folder with the store and nothing else
   */
  public Path folder() {
    return folder;
  }

  @Override
  public void close() {
    store.close();
    try {
      Folders.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + folder, e);
    }
  }
}
