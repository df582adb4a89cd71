package dev.torpor.vmm.disk;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.linux.Mapping;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.LayerWriter;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.OpenLayerIndex;
import dev.torpor.snapshot.SnapshotFormatException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;

/**
 * A layer that a disk writes. Its file is a row of slots behind the header; each belongs to the
 * block that was first written there, for the layer's whole life: whatever a crash leaves of the
 * index, a slot never holds another block's data.
 *
 * <p>Guarded by the disk's lock while it is open. Once sealed, only {@link #makeDurable} changes
 * it.
 */
final class OpenLayer implements AutoCloseable {
  private static final long ZERO = 1L << 63;
  private static final long CHANGED = 1L << 62;

  /** An index with fewer records is not worth replacing. */
  private static final int COMPACTED_RECORDS = 4096;

  private final Layers layers;
  private final int number;
  private final long blockCount;
  private final LinuxFile file;

  /** Null for a layer that was finished before its disk's state said so. */
  private final LayerWriter writer;

  /** For each slot its block, and whether it is zero, and whether the index has yet to say so. */
  private final Mapping ownerWords;

  private final MemorySegment owners;
  private long slotCount;

  /** Slots that the index knows, and those of them that changed since. */
  private long indexedCount;

  private long[] changed = new long[16];
  private int changedCount;
  private IndexJournal index;
  private boolean unsynced = true;
  private LinuxException failure;

  private OpenLayer(
      Layers layers, int number, long blockCount, LinuxFile file, LayerWriter writer) {
    this.layers = layers;
    this.number = number;
    this.blockCount = blockCount;
    this.file = file;
    this.writer = writer;
    this.ownerWords = BlockTable.words(blockCount);
    this.owners = ownerWords.segment();
  }

  /** Begins a new layer. */
  static OpenLayer create(Layers layers, long blockCount) {
    LayerWriter writer = layers.create(LayerKind.PACKED, blockCount);
    try {
      return over(layers, writer.number(), blockCount, writer);
    } catch (RuntimeException | Error e) {
      writer.close();
      throw e;
    }
  }

  /** Opens a layer of a process that ended, with what its index says. */
  static OpenLayer recover(Layers layers, int number, long blockCount, Path indexPath) {
    LayerWriter writer = unfinished(layers, number);
    OpenLayer layer = null;
    try {
      layer = over(layers, number, blockCount, writer);
      layer.index = IndexJournal.recover(indexPath, number, blockCount, layer.replay(indexPath));
      layer.indexedCount = layer.slotCount;
      layer.file.sync();
      layer.changedCount = 0;
      return layer;
    } catch (RuntimeException | Error e) {
      if (layer != null) {
        layer.leave();
      } else if (writer != null) {
        writer.leave();
      }
      throw e;
    }
  }

  private static LayerWriter unfinished(Layers layers, int number) {
    try {
      return layers.resume(number);
    } catch (SnapshotFormatException e) {
      // It may have been finished just before the process ended; otherwise this says what is wrong.
      layers.layer(number);
      return null;
    }
  }

  private static OpenLayer over(Layers layers, int number, long blockCount, LayerWriter writer) {
    Path path = layers.path(number);
    LinuxFile file = LinuxFile.open(path, LinuxFile.O_RDWR);
    try {
      if (!file.tryLock(true)) {
        throw new IllegalStateException("layer " + path + " is in use by another VM");
      }
      return new OpenLayer(layers, number, blockCount, file, writer);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private OpenLayerIndex.Sink replay(Path indexPath) {
    return (firstBlock, firstSlot, count, zero) -> {
      for (int i = 0; i < count; i++) {
        long slot = firstSlot + i;
        if (slot == slotCount) {
          append(firstBlock + i, zero);
        } else if (slot < slotCount && block(slot) == firstBlock + i) {
          mark(slot, zero);
        } else {
          throw new SnapshotFormatException(
              indexPath,
              0,
              "each slot to belong to one block",
              "block %d in slot %d of %d".formatted(firstBlock + i, slot, slotCount));
        }
      }
    };
  }

  int number() {
    return number;
  }

  LinuxFile file() {
    return file;
  }

  /** Null if the layer was finished by a process that ended. */
  LayerWriter writer() {
    return writer;
  }

  long slotCount() {
    return slotCount;
  }

  /** A slot's block. */
  long block(long slot) {
    return owners.getAtIndex(ValueLayout.JAVA_LONG, slot) & ~(ZERO | CHANGED);
  }

  boolean isZero(long slot) {
    return owners.getAtIndex(ValueLayout.JAVA_LONG, slot) < 0;
  }

  /** A slot's place in the file, in blocks. */
  static long place(long slot) {
    return slot + 1;
  }

  static long slot(long place) {
    return place - 1;
  }

  /** Gives the next slot to a block. */
  long append(long block, boolean zero) {
    owners.setAtIndex(ValueLayout.JAVA_LONG, slotCount, block | (zero ? ZERO : 0));
    return slotCount++;
  }

  /** Says whether a slot's block is zero. */
  void mark(long slot, boolean zero) {
    long owner = owners.getAtIndex(ValueLayout.JAVA_LONG, slot);
    if ((owner < 0) == zero) {
      return;
    }
    boolean noteIt = slot < indexedCount && (owner & CHANGED) == 0;
    if (noteIt) {
      if (changedCount == changed.length) {
        changed = Arrays.copyOf(changed, 2 * changedCount);
      }
      changed[changedCount++] = slot;
    }
    owners.setAtIndex(ValueLayout.JAVA_LONG, slot, (owner ^ ZERO) | (noteIt ? CHANGED : 0));
  }

  /** Writes from native memory; the caller says which slots are data from now on. */
  void write(long hva, long byteCount, long offset) {
    unsynced = true;
    file.write(hva, byteCount, offset);
  }

  boolean hasIndex() {
    return index != null;
  }

  /** Whether an index that is durable says something of this layer. */
  boolean isIndexed() {
    return index != null && index.recordCount() > 0;
  }

  /** Makes data, then index durable. */
  void makeDurable(Path indexPath) {
    if (failure != null) {
      // The kernel told once, and has forgotten what it could not write.
      throw failure;
    }
    if (unsynced && slotCount > 0) {
      syncOrFail(file::sync);
      unsynced = false;
    }
    if (slotCount > indexedCount || changedCount > 0) {
      writeIndex(indexPath);
    }
  }

  private void syncOrFail(Runnable sync) {
    try {
      sync.run();
    } catch (LinuxException e) {
      failure = e;
      throw e;
    }
  }

  private void writeIndex(Path indexPath) {
    if (index == null) {
      index = IndexJournal.create(indexPath, number, blockCount);
    }
    if (index.recordCount() > COMPACTED_RECORDS && index.recordCount() > 2 * slotCount) {
      compactIndex(indexPath);
    } else {
      index.write(
          batch -> {
            for (int i = 0; i < changedCount; i++) {
              batch.add(block(changed[i]), changed[i], isZero(changed[i]));
            }
            addSlots(batch, indexedCount);
          });
      syncOrFail(index::sync);
    }
    for (int i = 0; i < changedCount; i++) {
      long owner = owners.getAtIndex(ValueLayout.JAVA_LONG, changed[i]);
      owners.setAtIndex(ValueLayout.JAVA_LONG, changed[i], owner & ~CHANGED);
    }
    changedCount = 0;
    indexedCount = slotCount;
  }

  private void addSlots(IndexJournal batch, long from) {
    for (long slot = from; slot < slotCount; slot++) {
      batch.add(block(slot), slot, isZero(slot));
    }
  }

  /** Replaces an index, most of whose records were overtaken, by one that says the same. */
  private void compactIndex(Path indexPath) {
    Path next = indexPath.resolveSibling(indexPath.getFileName() + ".next");
    IndexJournal fresh = null;
    try {
      Files.deleteIfExists(next);
      fresh = IndexJournal.create(next, number, blockCount);
      fresh.write(batch -> addSlots(batch, 0));
      fresh.sync();
      Files.move(next, indexPath, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException | RuntimeException e) {
      if (fresh != null) {
        fresh.close();
      }
      throw e instanceof RuntimeException known
          ? known
          : new UncheckedIOException("replacing the index " + indexPath, (IOException) e);
    }
    index.close();
    index = fresh;
    // What is appended to the new file must not be lost with its name.
    syncOrFail(() -> DiskFolder.sync(indexPath.toAbsolutePath().getParent()));
  }

  void deleteIndex(Path indexPath) {
    if (index != null) {
      index.close();
      index = null;
      try {
        Files.deleteIfExists(indexPath);
      } catch (IOException e) {
        throw new UncheckedIOException("deleting the index " + indexPath, e);
      }
    }
  }

  /** Forgets all slots of a layer that never had an index. */
  void reset() {
    if (slotCount > 0) {
      file.truncate(Blocks.BYTES);
      slotCount = 0;
    }
  }

  /** Frees the blocks of some slots, where the file system can. */
  void punch(long firstSlot, long count) {
    try {
      file.punchHole(place(firstSlot) * Blocks.BYTES, count * Blocks.BYTES);
    } catch (LinuxException e) {
      // A file system without holes, or a file sealed by fs-verity: what stays is never read.
      if (e.errno() != Errno.EOPNOTSUPP && e.errno() != Errno.EPERM) {
        throw e;
      }
    }
  }

  /** Lets go of the files, which stay, to be recovered. */
  void leave() {
    if (writer != null) {
      writer.leave();
    }
    release();
  }

  /** Lets go of the files. The layer stays if it is finished, and is deleted if it is not. */
  @Override
  public void close() {
    leave();
    if (writer != null && !writer.isFinished()) {
      // Not by the writer: the number, under which the file may still be open, must not come back.
      layers.delete(List.of(number));
    }
  }

  /** Lets go of all but the layer's writer. */
  void release() {
    if (index != null) {
      index.close();
    }
    file.close();
    ownerWords.close();
  }

  @Override
  public String toString() {
    return "layer " + layers.path(number);
  }
}
