package dev.torpor.vmm.disk;

import dev.torpor.linux.LinuxException;
import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.SnapshotFormatException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Disks that survive their process: made, found again, and deleted. Safe from every thread. */
public final class SurvivingDisks {
  private SurvivingDisks() {}

  /**
   * Makes a disk that survives its process.
   *
   * @param place where, with no disk there yet
   * @param layers where its layers are and will be
   * @param base what its absent blocks are read from
   * @param image what it begins with, durable, of as many blocks as the base
   * @return the disk
   * @throws IllegalStateException if there is such a disk already, the base was changed since, or a
   *     VM writes it
   * @throws IllegalArgumentException if base and image do not fit, or the base is too large
   * @throws LinuxException if the base or the folder cannot be opened
   */
  public static LayeredDisk create(DiskPlace place, Layers layers, DiskBase base, Image image) {
    return make(place, layers, base, image, false);
  }

  /**
   * As {@link #create}, in place of a disk that may be there. That one is gone when this returns;
   * whatever happens meanwhile, the old or the new one is there.
   *
   * @param place where
   * @param layers where its layers are and will be
   * @param base what its absent blocks are read from
   * @param image what it begins with, durable, of as many blocks as the base
   * @return the disk
   * @throws IllegalStateException if somebody has the old disk open, the base was changed since, or
   *     a VM writes it
   */
  public static LayeredDisk replace(DiskPlace place, Layers layers, DiskBase base, Image image) {
    return make(place, layers, base, image, true);
  }

  private static LayeredDisk make(
      DiskPlace place, Layers layers, DiskBase base, Image image, boolean mayReplace) {
    DiskFolder home = DiskFolder.open(place.folder(), place.name());
    LayeredDisk disk = null;
    try {
      if (home.hasState() && !mayReplace) {
        throw new IllegalStateException(
            "there is a disk %s in %s already".formatted(place.name(), place.folder()));
      }
      disk =
          LayeredDisk.over(
              layers, base, image, new LayeredDisk.Home(home, place.keeper(), replaced(home)));
      disk.publishIfStale();
      home.deleteIndexes(List.of());
      return disk;
    } catch (RuntimeException | Error e) {
      closeAfterFailure(disk, home);
      throw e;
    }
  }

  /** The disk that is to be replaced; a damaged one names nothing that anybody could read. */
  private static Optional<DiskState> replaced(DiskFolder home) {
    try {
      return home.hasState() ? Optional.of(home.readState()) : Optional.empty();
    } catch (SnapshotFormatException e) {
      return Optional.empty();
    }
  }

  /**
   * Opens a disk that was made by {@link #create}, with everything that was flushed.
   *
   * @param place where it is
   * @param layers where its layers are
   * @return the disk
   * @throws IllegalStateException if somebody has it open, the base was changed since, or a VM
   *     writes it
   * @throws SnapshotFormatException if one of its files is damaged
   * @throws LinuxException if a file cannot be opened
   */
  public static LayeredDisk reopen(DiskPlace place, Layers layers) {
    return reopen(place, layers, null);
  }

  /**
   * As {@link #reopen(DiskPlace, Layers)}, with its base in another place.
   *
   * @param place where it is
   * @param layers where its layers are
   * @param newBase an unchanged copy of the base, for which the caller answers; null for the base
   *     itself
   * @return the disk
   */
  public static LayeredDisk reopen(DiskPlace place, Layers layers, Path newBase) {
    DiskFolder home = DiskFolder.open(place.folder(), place.name());
    LayeredDisk disk = null;
    try {
      DiskState state = home.readState();
      DiskBase was = DiskBase.of(state);
      DiskBase base = newBase == null ? was : was.at(newBase);
      Image image = Image.open(layers, state.image());
      disk =
          LayeredDisk.over(
              layers, base, image, new LayeredDisk.Home(home, place.keeper(), Optional.of(state)));
      disk.recover(state.openLayers());
      disk.publishIfStale();
      home.deleteIndexes(state.openLayers());
      return disk;
    } catch (RuntimeException | Error e) {
      closeAfterFailure(disk, home);
      throw e;
    }
  }

  /**
   * Deletes a disk that survived its process, or what a crash left of one, and lets its layers go.
   * Does nothing if there is none.
   *
   * @param place where it is
   * @throws IllegalStateException if somebody has it open
   * @throws SnapshotFormatException if the file is damaged that says whose its layers are
   * @throws java.io.UncheckedIOException if a file cannot be deleted
   */
  public static void delete(DiskPlace place) {
    if (!DiskFolder.isUsed(place.folder(), place.name())) {
      return;
    }
    try (DiskFolder home = DiskFolder.open(place.folder(), place.name())) {
      home.delete(owner -> place.keeper().keep(owner, List.of()));
    }
  }

  private static void closeAfterFailure(LayeredDisk disk, DiskFolder home) {
    if (disk != null) {
      disk.close();
    } else {
      home.close();
    }
  }

  /**
   * What a folder says of a disk, for whoever must know which layers are in use.
   *
   * @param folder where the disk is
   * @param name its name there
   * @return its base, its image, and its layers that are no image yet
   * @throws SnapshotFormatException if there is no such disk, or its state is damaged
   */
  public static DiskState stateOf(Path folder, String name) {
    return DiskFolder.readState(DiskFolder.statePath(folder, name));
  }
}
