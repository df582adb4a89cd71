package dev.torpor.vmm.vm;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.checkpoint.Origin;
import dev.torpor.vmm.device.virtio.BlockBackend;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import dev.torpor.vmm.disk.DiskBase;
import dev.torpor.vmm.disk.DiskPlace;
import dev.torpor.vmm.disk.LayerKeeper;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.disk.SurvivingDisks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What a machine's disks are kept in. With a store, a disk's file is only read, and what the guest
 * writes goes to layers; without one, or for a disk that is only read, the file itself serves.
 */
final class MachineDisks implements AutoCloseable {
  /** One disk; without a store, nothing is known of its base. */
  private record Disk(BlockBackend backend, Optional<DiskBase> base) {}

  private final Optional<Store> store;
  private final List<Disk> disks = new ArrayList<>();

  private MachineDisks(Optional<Store> store) {
    this.store = store;
  }

  /** Takes over what is open already, for a machine without a store. */
  static MachineDisks of(List<BlockBackend> backends) {
    MachineDisks taken = new MachineDisks(Optional.empty());
    backends.forEach(backend -> taken.disks.add(new Disk(backend, Optional.empty())));
    return taken;
  }

  /** Opens the disks of a new machine. */
  static MachineDisks open(VmConfig config) {
    MachineDisks opened = new MachineDisks(config.store());
    try {
      for (DiskConfig disk : config.disks()) {
        opened.add(disk, opened.disks.size(), config.diskFolder());
      }
      return opened;
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  /** Opens the disks of a machine that continues from a checkpoint. */
  static MachineDisks open(Origin origin, RestoreConfig config) {
    MachineDisks opened = new MachineDisks(Optional.of(origin.store()));
    try {
      for (DiskImage disk : origin.disks()) {
        opened.add(disk, opened.disks.size(), config);
      }
      config.diskFolder().ifPresent(opened::deleteOthers);
      return opened;
    } catch (RuntimeException | Error e) {
      opened.close();
      throw e;
    }
  }

  private void add(DiskConfig disk, int index, Optional<Path> folder) {
    if (store.isEmpty()) {
      disks.add(new Disk(RawFileBackend.open(disk.path(), disk.readOnly()), Optional.empty()));
    } else if (disk.readOnly()) {
      addReadOnly(DiskBase.of(disk.path()));
    } else {
      addLayered(folder.isEmpty() ? fresh(disk) : surviving(disk, place(folder.get(), index)));
    }
  }

  private LayeredDisk fresh(DiskConfig disk) {
    DiskBase base = DiskBase.of(disk.path());
    return LayeredDisk.open(layers(), base, nothing(base));
  }

  private LayeredDisk surviving(DiskConfig disk, DiskPlace place) {
    if (place.hasDisk()) {
      return SurvivingDisks.reopen(place, layers(), moved(disk.path(), place));
    }
    DiskBase base = DiskBase.of(disk.path());
    return SurvivingDisks.create(place, layers(), base, nothing(base));
  }

  /** Null if the base is where it was. */
  private static Path moved(Path path, DiskPlace place) {
    DiskBase was = DiskBase.of(SurvivingDisks.stateOf(place.folder(), place.name()));
    if (path.toAbsolutePath().normalize().equals(was.path().normalize())) {
      return null;
    }
    requireMeant(path, was, place);
    return path;
  }

  /** Another file while the base is still there is mostly another disk, not the base moved. */
  private static void requireMeant(Path path, DiskBase was, DiskPlace place) {
    if (Files.exists(was.path())
        && DiskBase.of(was.path()).equals(was)
        && DiskBase.of(path).modifiedNanos() != was.modifiedNanos()) {
      throw new IllegalArgumentException(
          ("%s in %s continues over %s, which is still there, and not over %s: "
                  + "give that file, or a copy of it with the same time of change (cp -p), "
                  + "or delete the VM's disks first to begin with another one")
              .formatted(place.name(), place.folder(), was.path(), path));
    }
  }

  private void add(DiskImage disk, int index, RestoreConfig config) {
    DiskBase recorded =
        new DiskBase(disk.basePath(), disk.baseByteSize(), disk.baseModifiedNanos());
    Path moved = config.bases().get(index);
    DiskBase base = moved == null ? recorded : recorded.at(moved);
    if (disk.readOnly()) {
      addReadOnly(base);
      return;
    }
    Image image = Image.open(layers(), disk.image());
    Optional<Path> folder = config.diskFolder();
    addLayered(
        folder.isEmpty()
            ? LayeredDisk.open(layers(), base, image)
            : SurvivingDisks.replace(place(folder.get(), index), layers(), base, image));
  }

  /** Deletes disks that the machine does not have: they are of another one. */
  private void deleteOthers(Path folder) {
    for (int index = 0; index < VmConfig.MAX_DISKS; index++) {
      boolean own = index < disks.size() && !disks.get(index).backend().readOnly();
      if (!own && place(folder, index).hasDisk()) {
        SurvivingDisks.delete(place(folder, index));
      }
    }
  }

  /** How many disks a folder has. */
  static int count(Path folder) {
    return (int)
        IntStream.range(0, VmConfig.MAX_DISKS)
            .filter(index -> new DiskPlace(folder, name(index), LayerKeeper.NONE).hasDisk())
            .count();
  }

  /** Deletes what a VM's disks left, or what a crash left of them; returns how many there were. */
  static int delete(Store store, Path folder) {
    int count = count(folder);
    for (int index = 0; index < VmConfig.MAX_DISKS; index++) {
      SurvivingDisks.delete(place(store, folder, index));
    }
    return count;
  }

  private DiskPlace place(Path folder, int index) {
    return place(store.orElseThrow(), folder, index);
  }

  private static DiskPlace place(Store store, Path folder, int index) {
    return new DiskPlace(folder, name(index), store::pin);
  }

  private static String name(int index) {
    return "disk" + index;
  }

  private Layers layers() {
    return store.orElseThrow().layers();
  }

  private Image nothing(DiskBase base) {
    return Image.empty(layers(), Blocks.count(base.byteSize()));
  }

  private void addReadOnly(DiskBase base) {
    disks.add(new Disk(base.open(), Optional.of(base)));
  }

  private void addLayered(LayeredDisk disk) {
    disks.add(new Disk(disk, Optional.of(disk.base())));
  }

  /** What the devices use, in order. Each device closes its own. */
  List<BlockBackend> backends() {
    return disks.stream().map(Disk::backend).toList();
  }

  /** The disks that are written to layers, in order. */
  List<LayeredDisk> layered() {
    return disks.stream()
        .map(Disk::backend)
        .filter(LayeredDisk.class::isInstance)
        .map(LayeredDisk.class::cast)
        .toList();
  }

  /** What a manifest keeps of them all, given the images of those that are written to layers. */
  List<DiskImage> describe(List<Image> images) {
    Iterator<Image> written = images.iterator();
    List<DiskImage> described = new ArrayList<>();
    for (Disk disk : disks) {
      DiskBase base = disk.base().orElseThrow();
      boolean readOnly = disk.backend().readOnly();
      Image image = readOnly ? nothing(base) : written.next();
      described.add(
          new DiskImage(
              Machine.diskId(described.size()),
              base.path(),
              base.byteSize(),
              base.modifiedNanos(),
              readOnly,
              image.root()));
    }
    return described;
  }

  /** Closes those that no device has closed yet. */
  @Override
  public void close() {
    disks.forEach(disk -> disk.backend().close());
  }
}
