package dev.torpor.vmm.disk;

import java.nio.file.Path;
import java.util.Objects;

/**
 * Where a disk is that survives its process.
 *
 * @param folder the folder that holds what it needs for that; created if it is missing
 * @param name its name in the folder, a part of file names
 * @param keeper keeps the layers that the folder names
 */
public record DiskPlace(Path folder, String name, LayerKeeper keeper) {
  /** Checks that all is there. */
  public DiskPlace {
    Objects.requireNonNull(folder, "folder");
    Objects.requireNonNull(name, "name");
    Objects.requireNonNull(keeper, "keeper");
  }

  /**
   * Whether there is a disk already.
   *
   * @return whether one was made here, and not deleted since
   */
  public boolean hasDisk() {
    return DiskFolder.statePath(folder, name).toFile().exists();
  }
}
