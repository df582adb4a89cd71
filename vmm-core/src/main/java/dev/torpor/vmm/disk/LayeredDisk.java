package dev.torpor.vmm.disk;

import dev.torpor.linux.LinuxException;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.LayerWriter;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.vmm.device.virtio.BlockBackend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A disk over an image: what the VM writes goes to an open layer, and everything else is read from
 * the image's layers or, where it has nothing, from the base.
 *
 * <pre>
 *   block table:  block -> open layer | sealed layers | the image's layers | base | zero
 * </pre>
 *
 * <p>The table answers a read with one look; what it does not know yet is looked up in the image
 * and verified against its checksum, once. {@link #seal} ends the open layer at constant cost, so
 * that it becomes part of an image later, while the disk goes on.
 *
 * <p>A disk with a folder survives its process, see {@link SurvivingDisks}: it opens with
 * everything that was flushed, and each block that was not is as before or as written. One without
 * a folder is gone when it is closed, so its flushes do nothing.
 *
 * <p>The device loop reads and writes; other threads may seal while the loop is held still, and
 * make images at any time.
 */
public final class LayeredDisk implements BlockBackend {
  /** The largest disk: 2^31 blocks. */
  public static final long MAX_BYTES = (1L << 31) * Blocks.BYTES;

  /** Where a disk survives its process, and what is there so far. */
  record Home(DiskFolder folder, LayerKeeper keeper, Optional<DiskState> before) {}

  /** A layer that nobody writes any more, and the writer of its map if that is elsewhere. */
  private record Obsolete(OpenLayer layer, LayerWriter map) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Object publishing = new Object();
  private final Layers layers;
  private final DiskBase base;
  private final DiskBlocks blocks;

  /** Null for a disk that ends with its process. */
  private final DiskPublication publication;

  /** Sealed and not durable as images yet, oldest first: the disk descends from the last. */
  private final List<SealedLayer> pending = new ArrayList<>();

  /** All that are not durable, also those that the disk no longer descends from. */
  private final List<SealedLayer> inFlight = new ArrayList<>();

  /** What only a state of the folder needs that is to be replaced. */
  private final List<Obsolete> obsolete = new ArrayList<>();

  private OpenLayer prepared;
  private boolean closed;

  private LayeredDisk(
      Layers layers, DiskBase base, DiskBlocks blocks, DiskPublication publication) {
    this.layers = layers;
    this.base = base;
    this.blocks = blocks;
    this.publication = publication;
  }

  /**
   * Opens a disk that ends with its process.
   *
   * @param layers where its layers are and will be
   * @param base what its absent blocks are read from
   * @param image what it begins with, of as many blocks as the base
   * @return the disk
   * @throws IllegalStateException if the base was changed since, or a VM writes it
   * @throws IllegalArgumentException if base and image do not fit, or the base is too large
   * @throws LinuxException if the base cannot be opened
   */
  public static LayeredDisk open(Layers layers, DiskBase base, Image image) {
    return over(layers, base, image, null);
  }

  /** With a home null for a disk that ends with its process. */
  static LayeredDisk over(Layers layers, DiskBase base, Image image, Home home) {
    if (base.byteSize() > MAX_BYTES) {
      throw new IllegalArgumentException(
          "base %s has %d bytes, limit %d".formatted(base.path(), base.byteSize(), MAX_BYTES));
    }
    if (image.blockCount() != Blocks.count(base.byteSize())) {
      throw new IllegalArgumentException(
          "an image of %d blocks does not fit base %s of %d bytes"
              .formatted(image.blockCount(), base.path(), base.byteSize()));
    }
    DiskPublication publication =
        home == null
            ? null
            : new DiskPublication(home.folder, home.keeper, base, image, home.before);
    return new LayeredDisk(layers, base, DiskBlocks.open(base, layers, image), publication);
  }

  /** Takes over the layers of an earlier process that are no images yet, oldest first. */
  void recover(List<Integer> numbers) {
    long blockCount = blocks.image().blockCount();
    for (int i = 0; i < numbers.size(); i++) {
      Path index = publication.folder().indexPath(numbers.get(i));
      OpenLayer layer = OpenLayer.recover(layers, numbers.get(i), blockCount, index);
      if (i == numbers.size() - 1 && layer.writer() != null) {
        blocks.open(layer);
      } else {
        addPending(layer);
      }
      if (!blocks.remember(layer)) {
        throw new SnapshotFormatException(index, 0, "one slot for each block", "two for one");
      }
    }
  }

  /**
   * What the disk is over.
   *
   * @return its base
   */
  public DiskBase base() {
    return base;
  }

  Layers layers() {
    return layers;
  }

  /** For any thread. */
  void readBase(long block, long hva) {
    blocks.readBase(block, hva);
  }

  @Override
  public long byteSize() {
    return base.byteSize();
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  @Override
  public void read(long offset, long hva, long byteCount) {
    lock.lock();
    try {
      blocks.read(offset, hva, byteCount);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void write(long offset, long hva, long byteCount) {
    lock.lock();
    try {
      requireOpenLayer();
      blocks.write(offset, hva, byteCount);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void discard(long offset, long byteCount) {
    lock.lock();
    try {
      requireOpenLayer();
      blocks.discard(offset, byteCount);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void writeZeroes(long offset, long byteCount, boolean mayUnmap) {
    lock.lock();
    try {
      requireOpenLayer();
      blocks.writeZeroes(offset, byteCount);
    } finally {
      lock.unlock();
    }
  }

  private void requireOpenLayer() {
    if (blocks.open() == null) {
      blocks.open(
          prepared != null ? prepared : OpenLayer.create(layers, blocks.image().blockCount()));
      prepared = null;
    }
  }

  @Override
  public void flush() {
    if (publication == null) {
      return;
    }
    lock.lock();
    try {
      for (SealedLayer past : pending) {
        past.layer().makeDurable(indexPath(past.layer()));
      }
      OpenLayer open = blocks.open();
      if (open != null) {
        open.makeDurable(indexPath(open));
      }
      publication.indexed(indexedLayers());
    } finally {
      lock.unlock();
    }
    publishIfStale();
  }

  Path indexPath(OpenLayer layer) {
    return publication.folder().indexPath(layer.number());
  }

  private List<Integer> indexedLayers() {
    List<Integer> numbers = new ArrayList<>();
    for (SealedLayer past : pending) {
      if (past.layer().isIndexed()) {
        numbers.add(past.layer().number());
      }
    }
    OpenLayer open = blocks.open();
    if (open != null && open.isIndexed()) {
      numbers.add(open.number());
    }
    return numbers;
  }

  /**
   * Makes ready what {@link #seal} needs, so that it need not be made while the VM is paused. Does
   * nothing if it is ready, or if nothing was written since the last seal.
   */
  public void prepareSeal() {
    lock.lock();
    try {
      if (blocks.open() == null || blocks.open().slotCount() == 0 || prepared != null) {
        return;
      }
    } finally {
      lock.unlock();
    }
    OpenLayer next = OpenLayer.create(layers, blocks.image().blockCount());
    lock.lock();
    try {
      if (prepared == null && !closed) {
        prepared = next;
        next = null;
      }
    } finally {
      lock.unlock();
    }
    if (next != null) {
      next.close();
    }
  }

  /**
   * Ends what the disk holds at this moment, to be made an image of. Takes the same short time
   * however much was written. The device loop must stand still.
   *
   * @return what the disk holds now
   */
  public SealedLayer seal() {
    lock.lock();
    try {
      OpenLayer open = blocks.open();
      if (open == null || open.slotCount() == 0) {
        return handle(null);
      }
      SealedLayer past = addPending(open);
      blocks.open(prepared);
      prepared = null;
      return past;
    } finally {
      lock.unlock();
    }
  }

  private SealedLayer addPending(OpenLayer layer) {
    SealedLayer past = handle(layer);
    pending.add(past);
    inFlight.add(past);
    return past;
  }

  private SealedLayer handle(OpenLayer layer) {
    SealedLayer parent = pending.isEmpty() ? null : pending.getLast();
    return new SealedLayer(this, parent, blocks.image(), List.copyOf(inFlight), layer);
  }

  /**
   * Makes sure that {@link #revertTo} can read the maps that it needs.
   *
   * @param target where the disk is to go
   * @throws IllegalArgumentException if it is of another size or store
   * @throws SnapshotFormatException if a map is damaged
   */
  public void requireReadable(Image target) {
    lock.lock();
    try {
      blocks.image().forEachDifference(target, _ -> {});
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes the disk hold what an image holds; what was written since is dropped. Takes time in
   * proportion to what differs. The device loop must stand still. It is durable with the next
   * flush; after a crash before that, the disk is what it was.
   *
   * @param target an image of as many blocks in the same store, over the same base; durable, or
   *     made by this disk. The caller keeps its layers until the disk has gone elsewhere, or is
   *     closed
   * @throws IllegalArgumentException if it is of another size or store
   * @throws SnapshotFormatException if a map is damaged; the disk is then as before
   */
  public void revertTo(Image target) {
    lock.lock();
    try {
      forgetDifferences(target);
      for (SealedLayer past : pending) {
        blocks.forget(past.layer());
      }
      if (blocks.open() != null) {
        blocks.forget(blocks.open());
        dropOpen(blocks.open());
      }
      blocks.image(target);
      pending.clear();
      if (publication != null) {
        publication.descendsFrom(target, inFlight);
      } else {
        dropAbandoned();
      }
    } finally {
      lock.unlock();
    }
  }

  /** What the disk descends from no longer, and nobody else will make durable. */
  private void dropAbandoned() {
    for (SealedLayer past : List.copyOf(inFlight)) {
      if (past.isAbandoned()) {
        inFlight.remove(past);
        past.closeWithDisk(false);
      }
    }
  }

  private void forgetDifferences(Image target) {
    try {
      blocks.image().forEachDifference(target, blocks::forget);
    } catch (RuntimeException | Error e) {
      // What the image does not know was perhaps forgotten with the rest.
      pending.forEach(past -> blocks.remember(past.layer()));
      if (blocks.open() != null) {
        blocks.remember(blocks.open());
      }
      throw e;
    }
  }

  private void dropOpen(OpenLayer dropped) {
    if (!dropped.hasIndex()) {
      dropped.reset();
      return;
    }
    // Until the folder says otherwise, a crash leads back to it.
    obsolete.add(new Obsolete(dropped, null));
    blocks.open(null);
  }

  /** A sealed layer is an image: blocks that the image has elsewhere are no longer read from it. */
  void adopt(SealedLayer past, Image made, long[] leftOut) {
    lock.lock();
    try {
      if (pending.contains(past)) {
        blocks.image(made);
        blocks.forgetSlots(past.layer(), leftOut);
      }
    } finally {
      lock.unlock();
    }
  }

  /** A sealed layer is durable as an image; the folder is to say so. */
  void becameDurable(SealedLayer past, Image made, LayerWriter map) {
    lock.lock();
    try {
      if (!inFlight.remove(past)) {
        return;
      }
      boolean descends = pending.remove(past);
      obsolete.add(new Obsolete(past.layer(), map));
      if (publication != null && descends) {
        publication.descendsFrom(made);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Brings the folder up to date, and gives back what only its former state needed. */
  void publishIfStale() {
    do {
      makeAwaitedDurable();
    } while (!publish());
  }

  /** After a revert the disk may descend from an image that is still on its way to the disk. */
  private void makeAwaitedDurable() {
    List<SealedLayer> awaited;
    lock.lock();
    try {
      awaited = publication == null ? List.of() : publication.awaited();
    } finally {
      lock.unlock();
    }
    for (SealedLayer past : awaited) {
      if (past.hasImage()) {
        past.makeDurable();
      }
    }
    lock.lock();
    try {
      if (publication != null) {
        publication.noLongerAwaited(awaited);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether everything that the state names is durable. */
  private boolean publish() {
    synchronized (publishing) {
      DiskState state = null;
      List<Obsolete> unneeded;
      lock.lock();
      try {
        if (closed) {
          return true;
        }
        if (publication != null) {
          if (!publication.awaited().isEmpty()) {
            return false;
          }
          state = publication.isStale() ? publication.state(indexedLayers()) : null;
        }
        unneeded = List.copyOf(obsolete);
        obsolete.clear();
      } finally {
        lock.unlock();
      }
      if (state != null) {
        write(state, unneeded);
      }
      unneeded.forEach(this::giveBack);
      return true;
    }
  }

  private void write(DiskState state, List<Obsolete> unneeded) {
    try {
      publication.write(state, layers.directory());
    } catch (RuntimeException | Error e) {
      lock.lock();
      try {
        publication.markStale();
        obsolete.addAll(unneeded);
      } finally {
        lock.unlock();
      }
      throw e;
    }
  }

  private void giveBack(Obsolete unneeded) {
    if (publication != null) {
      unneeded.layer.deleteIndex(indexPath(unneeded.layer));
    }
    unneeded.layer.close();
    if (unneeded.map != null) {
      unneeded.map.close();
    }
  }

  /** Sealed layers that are no images yet, on other threads, end before this returns. */
  @Override
  public void close() {
    List<SealedLayer> past;
    lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      past = List.copyOf(inFlight);
      inFlight.clear();
    } finally {
      lock.unlock();
    }
    past.forEach(one -> one.closeWithDisk(publication != null));
    synchronized (publishing) {
      for (Obsolete unneeded : obsolete) {
        unneeded.layer.leave();
      }
      closeOpenLayer();
      blocks.close();
      if (publication != null) {
        publication.folder().close();
      }
    }
  }

  private void closeOpenLayer() {
    OpenLayer open = blocks.open();
    if (open != null) {
      if (open.isIndexed()) {
        open.leave();
      } else {
        open.close();
      }
    }
    if (prepared != null) {
      prepared.close();
    }
  }

  @Override
  public String toString() {
    return "disk over " + base.path();
  }
}
