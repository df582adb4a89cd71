package dev.torpor.vmm.vm;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.checkpoint.Origin;
import dev.torpor.vmm.device.virtio.BlockBackend;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import dev.torpor.vmm.disk.DiskBase;
import dev.torpor.vmm.disk.LayeredDisk;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

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
    } catch (RuntimeException e) {
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
      return opened;
    } catch (RuntimeException e) {
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
      DiskBase base = DiskBase.of(disk.path());
      Image nothing = Image.empty(store.get().layers(), Blocks.count(base.byteSize()));
      addLayered(base, nothing, index, folder);
    }
  }

  private void add(DiskImage disk, int index, RestoreConfig config) {
    DiskBase recorded =
        new DiskBase(disk.basePath(), disk.baseByteSize(), disk.baseModifiedNanos());
    Path moved = config.bases().get(index);
    DiskBase base = moved == null ? recorded : recorded.at(moved);
    if (disk.readOnly()) {
      addReadOnly(base);
    } else {
      Image image = Image.open(store.orElseThrow().layers(), disk.image());
      addLayered(base, image, index, config.diskFolder());
    }
  }

  private void addReadOnly(DiskBase base) {
    disks.add(new Disk(base.open(), Optional.of(base)));
  }

  private void addLayered(DiskBase base, Image image, int index, Optional<Path> folder) {
    LayeredDisk disk =
        folder.isEmpty()
            ? LayeredDisk.open(store.orElseThrow().layers(), base, image)
            : LayeredDisk.create(
                folder.get(), "disk" + index, store.orElseThrow().layers(), base, image);
    disks.add(new Disk(disk, Optional.of(base)));
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
      Image image =
          readOnly
              ? Image.empty(store.orElseThrow().layers(), Blocks.count(base.byteSize()))
              : written.next();
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
