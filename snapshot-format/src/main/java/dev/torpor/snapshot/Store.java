package dev.torpor.snapshot;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import java.util.function.Predicate;

/**
 * Checkpoints on this host: a folder of layers, manifests and what helps to use them. For any
 * number of threads, and of processes, which may open the same folder at the same time.
 *
 * <p>Layers are shared by checkpoints and go when nobody needs them: no checkpoint, no pin, no
 * process that created them and has neither published nor forgotten them, and no {@link
 * CheckpointHold}.
 *
 * <pre>{@code
 * try (Store store = Store.open(folder);
 *     CheckpointHold hold = store.hold(store.find("web/v1").uuid())) {
 *   Image memory = Image.open(store.layers(), hold.manifest().memory());
 *   store.verifyForMapping(memory, bytes -> {});
 *   ...
 * }
 * }</pre>
 */
public final class Store implements AutoCloseable {
  static final String WORKING_SET_SUFFIX = ".pages";

  /** Makes something that a checkpoint needs durable. */
  @FunctionalInterface
  public interface Durable {
    /**
     * Returns when it is on the disk.
     *
     * @throws UncheckedIOException if it cannot be written
     */
    void sync();
  }

  private final StoreFolder folder;
  private final StoreLock lock;
  private final Lease lease;
  private final Layers layers;
  private final Manifests manifests;
  private final RecentManifests recent = new RecentManifests();
  private final Pins pins;
  private final VerifiedLayers verified;
  private final GarbageCollector collector;
  // The layers that this store created and has neither published nor forgotten.
  private final Set<Integer> unpublished = ConcurrentHashMap.newKeySet();

  private Store(StoreFolder folder) throws IOException {
    this.folder = folder;
    this.lock = new StoreLock(folder.lock());
    this.lease = Lease.create(folder.leases());
    this.layers = Layers.open(folder.layers(), new Claims());
    this.manifests = new Manifests(folder.manifests());
    this.pins = new Pins(folder.pins());
    this.verified = new VerifiedLayers(folder.verified(), layers, lease::temporary);
    this.collector =
        new GarbageCollector(
            layers, new Leases(folder.leases()), manifests, pins, verified, folder.workingSets());
  }

  /**
   * Opens a store, and makes one where nothing is yet.
   *
   * @param directory its folder: absent, empty or a store's
   * @return the store, to be closed by the caller
   * @throws UncheckedIOException if the folder holds something else, or cannot be used
   * @throws SnapshotFormatException if the store is of a version that this one does not know
   */
  public static Store open(Path directory) {
    return io("open the store " + directory, () -> new Store(StoreFolder.open(directory)));
  }

  /**
   * Where the store is.
   *
   * @return its folder, absolute
   */
  public Path directory() {
    return folder.root();
  }

  /**
   * The layers of the store. A layer that is created here is kept at least until it is published,
   * forgotten, or the store is closed.
   *
   * @return the same object each time; the caller does not close it
   */
  public Layers layers() {
    return layers;
  }

  /**
   * Publishes a checkpoint: makes its layers durable, then the manifest, in one step that happens
   * or does not. The layers that were created here for it are from then on held by the result.
   *
   * @param manifest what to publish; its created time is moved behind its parent's if the clock ran
   *     backwards, and what the syncing here takes is added to its durableNanos
   * @param toSync what must be durable first: image writers, disks' sealed layers. Asked when all
   *     else is ready, so it may also wait for a sync that began before
   * @return the checkpoint as published, held
   * @throws IllegalStateException if it is published already
   * @throws UncheckedIOException if something cannot be written: the checkpoint does not exist
   */
  public CheckpointHold publish(Manifest manifest, List<? extends Durable> toSync) {
    long start = System.nanoTime();
    return io(
        "publish the checkpoint " + manifest.uuid() + " in " + directory(),
        () -> {
          if (manifests.exists(manifest.uuid())) {
            throw new IllegalStateException("already published: " + manifest.uuid());
          }
          List<Integer> written =
              manifest.layerNumbers().stream().filter(unpublished::contains).toList();
          stamp(written);
          Path temporary = lease.temporary();
          WholeFile.reserve(temporary, ManifestCodec.encode(manifest));
          try {
            toSync.forEach(Durable::sync);
            return published(completed(manifest, System.nanoTime() - start), temporary, written);
          } catch (Throwable e) {
            Files.deleteIfExists(temporary);
            throw e;
          }
        });
  }

  /**
   * While the disk is busy with the layers. They are what this process has written, or, after a
   * crash, nothing that a checkpoint refers to.
   */
  private void stamp(List<Integer> written) throws IOException {
    for (int layer : written) {
      verified.stampWritten(layer);
    }
  }

  /**
   * Lists all checkpoints.
   *
   * @return oldest first
   * @throws UncheckedIOException if the store cannot be read
   */
  public Listing list() {
    return list(one -> true);
  }

  /**
   * Lists one VM's checkpoints.
   *
   * @param vmName the VM's name
   * @return oldest first; with the damaged manifests of whatever VM
   * @throws UncheckedIOException if the store cannot be read
   */
  public Listing list(String vmName) {
    return list(one -> one.vmName().equals(vmName));
  }

  /**
   * Finds the one checkpoint that a reference means.
   *
   * @param ref a UUID, the beginning of one (4 hexadecimal digits or more), a label, a VM's name
   *     (which means its newest checkpoint) or NAME/LABEL
   * @return the checkpoint
   * @throws UnknownCheckpointException if it means none, or several
   * @throws UncheckedIOException if the store cannot be read
   */
  public Summary find(String ref) {
    return References.find(ref, list().checkpoints());
  }

  /**
   * Reads a checkpoint to look at it. To use its images, {@link #hold} it.
   *
   * @param uuid which
   * @return the whole manifest
   * @throws UnknownCheckpointException if it does not exist
   * @throws SnapshotFormatException if it is damaged
   * @throws UncheckedIOException if the store cannot be read
   */
  public Manifest read(UUID uuid) {
    return io("read the checkpoint " + uuid, () -> existing(uuid));
  }

  /**
   * Reads a checkpoint in order to use its images.
   *
   * @param uuid which
   * @return the checkpoint, with its layers held until it is closed
   * @throws UnknownCheckpointException if it does not exist
   * @throws SnapshotFormatException if it is damaged, or a layer is missing or truncated
   * @throws UncheckedIOException if the store cannot be read
   */
  public CheckpointHold hold(UUID uuid) {
    return io(
        "use the checkpoint " + uuid,
        () -> {
          Optional<FileIdentity> file = FileIdentity.find(manifests.path(uuid));
          if (file.isEmpty()) {
            recent.remove(uuid);
            throw unknown(uuid);
          }
          Manifest known = recent.find(uuid, file.get());
          return known == null ? holdUnknown(uuid, file.get()) : holdExisting(known);
        });
  }

  /** The file is looked at first: whatever happens to it while it is read is noticed later. */
  private CheckpointHold holdUnknown(UUID uuid, FileIdentity file) throws IOException {
    CheckpointHold hold = holdExisting(existing(uuid));
    try {
      for (ManifestLayer layer : hold.manifest().layers()) {
        requirePresent(layer);
      }
    } catch (Throwable e) {
      hold.close();
      throw e;
    }
    recent.add(hold.manifest(), file);
    return hold;
  }

  private CheckpointHold holdExisting(Manifest manifest) throws IOException {
    CheckpointHold hold = retained(manifest);
    // Only now: had it been removed before the lease had its layers, they may be gone.
    if (!manifests.exists(manifest.uuid())) {
      hold.close();
      throw unknown(manifest.uuid());
    }
    return hold;
  }

  /**
   * Removes a checkpoint, and those of its layers that nobody needs any more. Its children stay.
   *
   * @param uuid which; a damaged one can be removed too
   * @return what was freed
   * @throws UnknownCheckpointException if it does not exist
   * @throws UncheckedIOException if something cannot be removed
   */
  public Garbage remove(UUID uuid) {
    return removeAll(List.of(uuid));
  }

  /**
   * Removes several checkpoints as {@link #remove} does one, and sooner than one by one: most of it
   * is finding out what nobody needs any more.
   *
   * @param uuids which
   * @return what was freed
   * @throws UnknownCheckpointException if one of them does not exist; none is removed then
   * @throws UncheckedIOException if something cannot be removed
   */
  public Garbage removeAll(Collection<UUID> uuids) {
    return io(
        "remove checkpoints " + uuids,
        () ->
            lock.holding(
                () -> {
                  for (UUID uuid : uuids) {
                    if (!manifests.exists(uuid)) {
                      throw unknown(uuid);
                    }
                  }
                  for (UUID uuid : uuids) {
                    Files.deleteIfExists(manifests.path(uuid));
                  }
                  WholeFile.syncDirectory(manifests.directory());
                  return collector.collect();
                }));
  }

  /**
   * Removes layers that no checkpoint, no pin and no running process needs, and what killed
   * processes left.
   *
   * @return what was freed
   * @throws UncheckedIOException if something cannot be removed
   */
  public Garbage collectGarbage() {
    return io("collect garbage in " + directory(), () -> lock.holding(collector::collect));
  }

  /**
   * Gives up a layer that was created here and will not be published. Garbage collection removes
   * it.
   *
   * @param layer its number; a layer that was published or forgotten before stays as it is
   * @throws UncheckedIOException if that cannot be written down
   */
  public void forget(int layer) {
    if (unpublished.remove(layer)) {
      io(
          "forget layer " + layer,
          () -> {
            lease.release(List.of(layer));
            return layer;
          });
    }
  }

  /**
   * Keeps layers beyond the life of this process, whether a checkpoint needs them or not: those of
   * a disk between two checkpoints. Durable when it returns. A layer must be pinned while something
   * else still keeps it.
   *
   * @param owner whose layers they are
   * @param layerNumbers all of that owner's, in place of those pinned before; none to unpin
   * @throws UncheckedIOException if that cannot be written down
   */
  public void pin(UUID owner, Collection<Integer> layerNumbers) {
    io(
        "pin the layers " + layerNumbers + " for " + owner,
        () -> {
          pins.set(owner, layerNumbers, lease.temporary());
          return owner;
        });
  }

  /**
   * Verifies every block of an image once per host, as mapped memory is never verified again. What
   * this host wrote and published, or verified before, is not read unless its file has changed.
   *
   * @param image what will be mapped, of this store
   * @param progress told now and then how many bytes were verified so far, if any had to be
   * @throws SnapshotFormatException if a block is not what the map says; names file and offset
   * @throws UncheckedIOException if a layer cannot be read
   */
  public void verifyForMapping(Image image, LongConsumer progress) {
    io(
        "verify an image of " + image.blockCount() + " blocks in " + directory(),
        () -> {
          verified.verify(image, progress);
          return image;
        });
  }

  /**
   * Stores the working set of a checkpoint, in place of an earlier one.
   *
   * @param uuid the checkpoint's
   * @param pages the pages
   * @throws UncheckedIOException if it cannot be written
   */
  public void writeWorkingSet(UUID uuid, WorkingSet pages) {
    io(
        "write the working set of " + uuid,
        () -> {
          WholeFile.write(lease.temporary(), workingSet(uuid), pages.encode(uuid));
          return pages;
        });
  }

  /**
   * Reads the working set of a checkpoint.
   *
   * @param uuid the checkpoint's
   * @return the pages, if they were recorded
   * @throws SnapshotFormatException if the file is damaged: the caller may go on without, as the
   *     pages only help
   * @throws UncheckedIOException if it cannot be read
   */
  public Optional<WorkingSet> readWorkingSet(UUID uuid) {
    return io(
        "read the working set of " + uuid,
        () -> {
          Path path = workingSet(uuid);
          if (!Files.exists(path)) {
            return Optional.empty();
          }
          try {
            return Optional.of(WorkingSet.read(path, uuid));
          } catch (FileNotFoundException e) {
            if (Files.exists(path)) {
              throw e;
            }
            return Optional.empty();
          }
        });
  }

  /** Ends this process's use of the store: its layers are closed, and what it held may go. */
  @Override
  public void close() {
    layers.close();
    io(
        "close the store " + directory(),
        () -> {
          lease.close();
          return folder;
        });
  }

  private Listing list(Predicate<Summary> filter) {
    return io("list the checkpoints of " + directory(), () -> manifests.list(filter));
  }

  private Manifest existing(UUID uuid) throws IOException {
    return manifests.read(uuid).orElseThrow(() -> unknown(uuid));
  }

  private static UnknownCheckpointException unknown(UUID uuid) {
    return new UnknownCheckpointException("no checkpoint " + uuid, List.of());
  }

  /** In the order that makes the checkpoint appear last, with its layers held all the time. */
  private CheckpointHold published(Manifest manifest, Path temporary, List<Integer> written)
      throws IOException {
    CheckpointHold hold = retained(manifest);
    try {
      WholeFile.write(temporary, manifests.path(manifest.uuid()), ManifestCodec.encode(manifest));
      written.forEach(this::forget);
      return hold;
    } catch (Throwable e) {
      hold.close();
      throw e;
    }
  }

  private CheckpointHold retained(Manifest manifest) throws IOException {
    lease.retain(manifest.layerNumbers());
    return new CheckpointHold(manifest, this::release);
  }

  private void release(Manifest manifest) {
    io(
        "release the checkpoint " + manifest.uuid(),
        () -> {
          lease.release(manifest.layerNumbers());
          return manifest;
        });
  }

  /** Looks no further than the folder, as there may be thousands: what is in it has checksums. */
  private void requirePresent(ManifestLayer layer) throws IOException {
    Path path = layers.path(layer.number());
    try {
      long size = Files.size(path);
      if (size < layer.byteCount()) {
        throw new SnapshotFormatException(
            path, size, "a layer of " + layer.byteCount() + " bytes", "its end");
      }
    } catch (NoSuchFileException e) {
      throw new SnapshotFormatException(path, 0, "a layer", "no file");
    }
  }

  private Manifest completed(Manifest manifest, long syncNanos) throws IOException {
    Summary summary = manifest.summary();
    Summary.Metrics metrics = summary.metrics();
    Instant earliest =
        summary.parent().isEmpty() ? Instant.MIN : afterParent(summary.parent().get());
    return new Manifest(
        new Summary(
            summary.uuid(),
            summary.parent(),
            summary.vmName(),
            summary.label(),
            summary.created().isBefore(earliest) ? earliest : summary.created(),
            new Summary.Metrics(
                metrics.pauseNanos(),
                metrics.dirtyPages(),
                metrics.storedBytes(),
                metrics.durableNanos() + syncNanos)),
        manifest.memory(),
        manifest.disks(),
        manifest.machineState(),
        manifest.layers());
  }

  /** The first instant at which a child can be the newer one; any, if nobody knows the parent. */
  private Instant afterParent(UUID parent) throws IOException {
    try {
      return manifests
          .summary(parent)
          .map(summary -> summary.created().plusNanos(1))
          .orElse(Instant.MIN);
    } catch (SnapshotFormatException e) {
      return Instant.MIN;
    }
  }

  private Path workingSet(UUID uuid) {
    return folder.workingSets().resolve(uuid + WORKING_SET_SUFFIX);
  }

  /** Something that reads or writes files. */
  interface Action<T> {
    T run() throws IOException;
  }

  private static <T> T io(String what, Action<T> action) {
    try {
      return action.run();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot " + what + ": " + e.getMessage(), e);
    }
  }

  /** Keeps garbage collection from the layers that are created here. */
  private final class Claims implements Layers.Claims {
    @Override
    public void claim(int number) {
      io(
          "claim layer " + number,
          () -> {
            lease.retain(List.of(number));
            return unpublished.add(number);
          });
    }

    @Override
    public void unclaim(int number) {
      forget(number);
    }
  }
}
