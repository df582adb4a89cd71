package dev.torpor.vmm.disk;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Checksums;
import dev.torpor.snapshot.DiskState;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.vmm.device.virtio.BlockBackend;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
 * <p>A disk with a folder survives its process: it opens with everything that was flushed, and each
 * block that was not is as before or as written. One without a folder is gone when it is closed, so
 * its flushes do nothing.
 *
 * <p>The device loop reads and writes; other threads may seal while the loop is held still, and
 * make images at any time.
 */
public final class LayeredDisk implements BlockBackend {
  /** The largest disk: 2^31 blocks. */
  public static final long MAX_BYTES = (1L << 31) * Blocks.BYTES;

  private static final long ZEROES_BYTES = 1L << 30;

  private final ReentrantLock lock = new ReentrantLock();
  private final Layers layers;
  private final DiskBase base;
  private final RawFileBackend baseFile;
  private final long byteSize;
  private final long blockCount;

  /** Null for a disk that ends with its process. */
  private final DiskPublication publication;

  private final BlockTable table;
  private final SourceFiles sources;

  /** A file of nothing but holes, from which memory is zeroed by a system call. */
  private final LinuxFile zeroes;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment bounce = arena.allocate(Blocks.BYTES, Blocks.BYTES);
  private final MemorySegment zeroBlock = arena.allocate(Blocks.BYTES, Blocks.BYTES);
  private final BlockRef ref = new BlockRef();

  private Image image;

  /** Sealed since {@link #image}, or not durable yet, oldest first: the table leads to them. */
  private final List<SealedLayer> pending = new ArrayList<>();

  /** All that are not durable, also those that the disk no longer descends from. */
  private final List<SealedLayer> inFlight = new ArrayList<>();

  private OpenLayer open;
  private int openSource = -1;
  private OpenLayer prepared;
  private boolean closed;

  private LayeredDisk(Layers layers, DiskBase base, Image image, DiskFolder folder) {
    this.layers = layers;
    this.base = base;
    this.image = image;
    this.byteSize = base.byteSize();
    this.blockCount = Blocks.count(byteSize);
    requireFit();
    this.publication = folder == null ? null : new DiskPublication(folder, base, image);
    this.sources = new SourceFiles(layers);
    this.baseFile = base.open();
    BlockTable words = null;
    LinuxFile holes = null;
    try {
      words = new BlockTable(blockCount);
      holes = LinuxFile.inMemory("torpor-zeroes", ZEROES_BYTES, false);
    } finally {
      if (holes == null) {
        if (words != null) {
          words.close();
        }
        baseFile.close();
        arena.close();
      }
    }
    this.table = words;
    this.zeroes = holes;
  }

  private void requireFit() {
    if (byteSize > MAX_BYTES) {
      throw new IllegalArgumentException(
          "base %s has %d bytes, limit %d".formatted(base.path(), byteSize, MAX_BYTES));
    }
    if (image.blockCount() != blockCount) {
      throw new IllegalArgumentException(
          "an image of %d blocks does not fit base %s of %d blocks"
              .formatted(image.blockCount(), base.path(), blockCount));
    }
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
    return new LayeredDisk(layers, base, image, null);
  }

  /**
   * Makes a disk that survives its process.
   *
   * @param folder where it keeps what it needs for that; created if it is missing
   * @param name the disk's name in the folder, a part of file names
   * @param layers where its layers are and will be
   * @param base what its absent blocks are read from
   * @param image what it begins with, durable, of as many blocks as the base
   * @return the disk
   * @throws IllegalStateException if the folder has such a disk, the base was changed since, or a
   *     VM writes it
   * @throws IllegalArgumentException if base and image do not fit, or the base is too large
   * @throws LinuxException if the base or the folder cannot be opened
   */
  public static LayeredDisk create(
      Path folder, String name, Layers layers, DiskBase base, Image image) {
    DiskFolder home = DiskFolder.open(folder, name);
    LayeredDisk disk = null;
    try {
      if (home.hasState()) {
        throw new IllegalStateException(
            "there is a disk %s in %s already".formatted(name, folder));
      }
      disk = new LayeredDisk(layers, base, image, home);
      disk.publication.markStale();
      disk.publishIfStale();
      return disk;
    } catch (RuntimeException e) {
      closeAfterFailure(disk, home);
      throw e;
    }
  }

  /**
   * Opens a disk that was made by {@link #create}, with everything that was flushed.
   *
   * @param folder where it is
   * @param name its name there
   * @param layers where its layers are
   * @return the disk
   * @throws IllegalStateException if somebody has it open, the base was changed since, or a VM
   *     writes it
   * @throws SnapshotFormatException if one of its files is damaged
   * @throws LinuxException if a file cannot be opened
   */
  public static LayeredDisk reopen(Path folder, String name, Layers layers) {
    return reopen(folder, name, layers, null);
  }

  /**
   * As {@link #reopen(Path, String, Layers)}, with its base in another place.
   *
   * @param folder where it is
   * @param name its name there
   * @param layers where its layers are
   * @param newBase an unchanged copy of the base, for which the caller answers; null for the base
   *     itself
   * @return the disk
   */
  public static LayeredDisk reopen(Path folder, String name, Layers layers, Path newBase) {
    DiskFolder home = DiskFolder.open(folder, name);
    LayeredDisk disk = null;
    try {
      DiskState state = home.readState();
      DiskBase was =
          new DiskBase(state.basePath(), state.baseByteSize(), state.baseModifiedNanos());
      DiskBase base = newBase == null ? was : was.at(newBase);
      disk = new LayeredDisk(layers, base, Image.open(layers, state.image()), home);
      disk.recover(state.openLayers());
      disk.publication.markStale();
      disk.publishIfStale();
      return disk;
    } catch (RuntimeException e) {
      closeAfterFailure(disk, home);
      throw e;
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

  private void recover(List<Integer> numbers) {
    for (int i = 0; i < numbers.size(); i++) {
      OpenLayer layer =
          OpenLayer.recover(
              layers, numbers.get(i), blockCount, publication.folder().indexPath(numbers.get(i)));
      int source = sources.sourceOf(layer.number());
      if (i == numbers.size() - 1 && layer.writer() != null) {
        open = layer;
        openSource = source;
      } else {
        addPending(layer, source);
      }
      for (long slot = 0; slot < layer.slotCount(); slot++) {
        recoverSlot(layer, source, slot);
      }
    }
  }

  private void recoverSlot(OpenLayer layer, int source, long slot) {
    long block = layer.block(slot);
    if (BlockTable.source(table.get(block)) == source) {
      throw new SnapshotFormatException(
          indexPath(layer), 0, "one slot for a block", "two for block " + block);
    }
    table.set(block, BlockTable.entry(source, OpenLayer.place(slot), layer.isZero(slot)));
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

  @Override
  public long byteSize() {
    return byteSize;
  }

  @Override
  public boolean readOnly() {
    return false;
  }

  @Override
  public void read(long offset, long hva, long byteCount) {
    lock.lock();
    try {
      long done = 0;
      while (done < byteCount) {
        done += readRun(offset + done, hva + done, byteCount - done);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Reads as far as one system call gets; returns how far. */
  private long readRun(long offset, long hva, long byteCount) {
    long block = offset / Blocks.BYTES;
    long within = offset % Blocks.BYTES;
    long entry = resolve(block);
    long length = Math.min(Blocks.BYTES - within, byteCount);
    for (long i = 1;
        length < byteCount && BlockTable.follows(entry, resolve(block + i), i);
        i++) {
      length += Math.min(Blocks.BYTES, byteCount - length);
    }
    if (BlockTable.isZero(entry)) {
      zero(hva, length);
    } else if (BlockTable.source(entry) == BlockTable.BASE) {
      baseFile.read(offset, hva, length);
    } else {
      readFile(entry, within, hva, length);
    }
    return length;
  }

  private void zero(long hva, long byteCount) {
    for (long done = 0; done < byteCount; done += ZEROES_BYTES) {
      zeroes.read(hva + done, Math.min(ZEROES_BYTES, byteCount - done), 0);
    }
  }

  private void readFile(long entry, long within, long hva, long byteCount) {
    int source = BlockTable.source(entry);
    long offset = BlockTable.fileOffset(entry) + within;
    LinuxFile file = source == openSource ? open.file() : sources.file(source);
    if (file.read(hva, byteCount, offset) < byteCount) {
      throw new LinuxException(
          "pread",
          Errno.EIO,
          "%s was cut short below %d".formatted(sources.path(source), offset + byteCount));
    }
  }

  /** A block's entry, looked up and verified if the table does not know it. */
  private long resolve(long block) {
    long entry = table.get(block);
    if (entry != BlockTable.UNKNOWN) {
      return entry;
    }
    image.find(block, ref);
    if (ref.isAbsent()) {
      entry = BlockTable.entry(BlockTable.BASE, block, false);
    } else if (ref.isZero()) {
      entry = BlockTable.ZERO_BLOCK;
    } else {
      int source = sources.sourceOf(ref.layer());
      entry = BlockTable.entry(source, ref.offset() / Blocks.BYTES, false);
      verify(entry);
    }
    table.set(block, entry);
    return entry;
  }

  private void verify(long entry) {
    readFile(entry, 0, bounce.address(), Blocks.BYTES);
    int found = Checksums.of(bounce, 0, Blocks.BYTES);
    if (found != ref.checksum()) {
      throw new SnapshotFormatException(
          sources.path(BlockTable.source(entry)),
          ref.offset(),
          "a block with CRC32C %08x".formatted(ref.checksum()),
          "%08x".formatted(found));
    }
  }

  /** Reads a block of the base; what lies behind its end is zero. For any thread. */
  void readBase(long block, long hva) {
    long offset = block * Blocks.BYTES;
    long byteCount = Math.min(Blocks.BYTES, byteSize - offset);
    baseFile.read(offset, hva, byteCount);
    if (byteCount < Blocks.BYTES) {
      zero(hva + byteCount, Blocks.BYTES - byteCount);
    }
  }

  @Override
  public void write(long offset, long hva, long byteCount) {
    lock.lock();
    try {
      requireOpenLayer();
      long done = 0;
      while (done < byteCount) {
        long at = offset + done;
        long left = byteCount - done;
        done +=
            at % Blocks.BYTES == 0 && left >= Blocks.BYTES
                ? writeBlocks(at / Blocks.BYTES, hva + done, left / Blocks.BYTES)
                : writePart(at, hva + done, left);
      }
    } finally {
      lock.unlock();
    }
  }

  private void requireOpenLayer() {
    if (open == null) {
      useAsOpen(prepared != null ? prepared : OpenLayer.create(layers, blockCount));
      prepared = null;
    }
  }

  private void useAsOpen(OpenLayer layer) {
    open = layer;
    openSource = layer == null ? -1 : sources.sourceOf(layer.number());
  }

  /** Writes whole blocks as far as their slots follow each other; returns how many bytes. */
  private long writeBlocks(long block, long hva, long count) {
    long fresh = open.slotCount();
    long first = -1;
    long length = 0;
    while (length < count) {
      long entry = table.get(block + length);
      long slot = isOpen(entry) ? OpenLayer.slot(BlockTable.place(entry)) : fresh++;
      if (first < 0) {
        first = slot;
      } else if (slot != first + length) {
        break;
      }
      length++;
    }
    open.write(hva, length * Blocks.BYTES, OpenLayer.place(first) * Blocks.BYTES);
    for (long i = 0; i < length; i++) {
      own(block + i, false);
    }
    return length * Blocks.BYTES;
  }

  /** Writes part of one block, over what the block holds; returns how many bytes. */
  private long writePart(long offset, long hva, long byteCount) {
    long block = offset / Blocks.BYTES;
    long within = offset % Blocks.BYTES;
    long length = Math.min(Blocks.BYTES - within, byteCount);
    long entry = resolve(block);
    long slot = isOpen(entry) ? OpenLayer.slot(BlockTable.place(entry)) : open.slotCount();
    long start = OpenLayer.place(slot) * Blocks.BYTES;
    if (!isOpen(entry) || BlockTable.isZero(entry)) {
      readWhole(block, entry);
      open.write(bounce.address(), Blocks.BYTES, start);
    }
    open.write(hva, length, start + within);
    own(block, false);
    return length;
  }

  private void readWhole(long block, long entry) {
    if (BlockTable.isZero(entry)) {
      zero(bounce.address(), Blocks.BYTES);
    } else if (BlockTable.source(entry) == BlockTable.BASE) {
      readBase(block, bounce.address());
    } else {
      readFile(entry, 0, bounce.address(), Blocks.BYTES);
    }
  }

  private boolean isOpen(long entry) {
    return BlockTable.source(entry) == openSource;
  }

  /** Says that the open layer has a block, in its slot or else in the next one. */
  private void own(long block, boolean zero) {
    long entry = table.get(block);
    long slot;
    if (isOpen(entry)) {
      slot = OpenLayer.slot(BlockTable.place(entry));
      open.mark(slot, zero);
    } else {
      slot = open.append(block, zero);
    }
    table.set(block, BlockTable.entry(openSource, OpenLayer.place(slot), zero));
  }

  @Override
  public void discard(long offset, long byteCount) {
    lock.lock();
    try {
      zeroBlocks(Math.ceilDiv(offset, (long) Blocks.BYTES), endOfWholeBlocks(offset + byteCount));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void writeZeroes(long offset, long byteCount, boolean mayUnmap) {
    lock.lock();
    try {
      requireOpenLayer();
      long end = offset + byteCount;
      long at = offset;
      long firstWhole = Math.ceilDiv(offset, (long) Blocks.BYTES);
      long endWhole = endOfWholeBlocks(end);
      while (at < Math.min(end, firstWhole * Blocks.BYTES)) {
        at += writePart(at, zeroBlock.address(), end - at);
      }
      if (firstWhole < endWhole) {
        zeroBlocks(firstWhole, endWhole);
        at = endWhole * Blocks.BYTES;
      }
      while (at < end) {
        at += writePart(at, zeroBlock.address(), end - at);
      }
    } finally {
      lock.unlock();
    }
  }

  /** The first block that a range does not cover; the disk's last block may be a short one. */
  private long endOfWholeBlocks(long end) {
    return end == byteSize ? blockCount : end / Blocks.BYTES;
  }

  private void zeroBlocks(long firstBlock, long endBlock) {
    requireOpenLayer();
    long punchFrom = 0;
    long punchCount = 0;
    for (long block = firstBlock; block < endBlock; block++) {
      long entry = table.get(block);
      if (isOpen(entry) && !BlockTable.isZero(entry)) {
        long slot = OpenLayer.slot(BlockTable.place(entry));
        if (punchCount > 0 && slot != punchFrom + punchCount) {
          open.punch(punchFrom, punchCount);
          punchCount = 0;
        }
        punchFrom = punchCount == 0 ? slot : punchFrom;
        punchCount++;
      }
      if (!isKnownZero(block, entry)) {
        own(block, true);
      }
    }
    if (punchCount > 0) {
      open.punch(punchFrom, punchCount);
    }
  }

  private boolean isKnownZero(long block, long entry) {
    if (entry != BlockTable.UNKNOWN) {
      return BlockTable.isZero(entry);
    }
    image.find(block, ref);
    return ref.isZero();
  }

  @Override
  public void flush() {
    if (publication == null) {
      return;
    }
    lock.lock();
    try {
      for (SealedLayer sealed : pending) {
        sealed.layer().makeDurable(indexPath(sealed.layer()));
      }
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
    for (SealedLayer sealed : pending) {
      if (sealed.layer().isIndexed()) {
        numbers.add(sealed.layer().number());
      }
    }
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
      if (open == null || open.slotCount() == 0 || prepared != null) {
        return;
      }
    } finally {
      lock.unlock();
    }
    OpenLayer next = OpenLayer.create(layers, blockCount);
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
      if (open == null || open.slotCount() == 0) {
        return sealed(null, -1);
      }
      SealedLayer sealed = addPending(open, openSource);
      useAsOpen(prepared);
      prepared = null;
      return sealed;
    } finally {
      lock.unlock();
    }
  }

  private SealedLayer addPending(OpenLayer layer, int source) {
    SealedLayer sealed = sealed(layer, source);
    pending.add(sealed);
    inFlight.add(sealed);
    return sealed;
  }

  private SealedLayer sealed(OpenLayer layer, int source) {
    SealedLayer parent = pending.isEmpty() ? null : pending.getLast();
    return new SealedLayer(this, parent, image, List.copyOf(inFlight), layer, source);
  }

  /**
   * Makes the disk hold what an image holds; what was written since is dropped. Takes time in
   * proportion to what differs. The device loop must stand still. It is durable with the next
   * flush; after a crash before that, the disk is what it was.
   *
   * @param target an image of as many blocks in the same store, over the same base; durable, or
   *     made by this disk
   * @throws IllegalArgumentException if it is of another size or store
   * @throws SnapshotFormatException if a map is damaged; the disk is then as before
   */
  public void revertTo(Image target) {
    lock.lock();
    try {
      image.forEachDifference(target, block -> table.set(block, BlockTable.UNKNOWN));
      for (SealedLayer sealed : pending) {
        forget(sealed.layer());
      }
      if (open != null) {
        forget(open);
        dropOpen();
      }
      image = target;
      pending.clear();
      if (publication != null) {
        publication.descendsFrom(target, inFlight);
      }
    } finally {
      lock.unlock();
    }
  }

  private void forget(OpenLayer layer) {
    for (long slot = 0; slot < layer.slotCount(); slot++) {
      table.set(layer.block(slot), BlockTable.UNKNOWN);
    }
  }

  private void dropOpen() {
    if (!open.hasIndex()) {
      open.reset();
      return;
    }
    OpenLayer dropped = open;
    // Until the folder says otherwise, a crash leads back to it.
    obsolete.add(
        () -> {
          dropped.deleteIndex(indexPath(dropped));
          dropped.close();
        });
    useAsOpen(null);
  }

  /** A sealed layer is an image: blocks that the image has elsewhere are no longer read from it. */
  void adopt(SealedLayer sealed, Image made, long[] leftOut) {
    lock.lock();
    try {
      if (!pending.contains(sealed)) {
        return;
      }
      image = made;
      for (long slot : leftOut) {
        long block = sealed.layer().block(slot);
        if (BlockTable.source(table.get(block)) == sealed.source()) {
          table.set(block, BlockTable.UNKNOWN);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  void becameDurable(SealedLayer sealed, Image made) {
    lock.lock();
    try {
      if (!inFlight.remove(sealed)) {
        return;
      }
      boolean descends = pending.remove(sealed);
      obsolete.add(() -> sealed.release(publication != null));
      if (publication != null && descends) {
        publication.descendsFrom(made);
      } else if (publication != null) {
        publication.markStale();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Brings the folder up to date, and lets go of what only its former state needed. */
  void publishIfStale() {
    List<Runnable> unneeded;
    synchronized (publishing) {
      unneeded = publication == null ? takeObsolete() : publish();
    }
    unneeded.forEach(Runnable::run);
  }

  private List<Runnable> takeObsolete() {
    lock.lock();
    try {
      List<Runnable> taken = List.copyOf(obsolete);
      obsolete.clear();
      return taken;
    } finally {
      lock.unlock();
    }
  }
