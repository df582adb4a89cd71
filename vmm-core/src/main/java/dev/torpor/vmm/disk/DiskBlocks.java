package dev.torpor.vmm.disk;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Checksums;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A disk's blocks, wherever they are: moves data between them and native memory, by system calls
 * only. Guarded by the disk's lock.
 */
final class DiskBlocks implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DiskBlocks.class);
  private static final long ZEROES_BYTES = 1L << 30;

  private final RawFileBackend baseFile;
  private final long byteSize;
  private final long blockCount;
  private final BlockTable table;
  private final SourceFiles sources;

  /** A file of nothing but holes, from which memory is zeroed by a system call. */
  private final LinuxFile zeroes;

  private final MemorySegment bounce = Arena.ofAuto().allocate(Blocks.BYTES, Blocks.BYTES);
  private final MemorySegment zeroBlock = Arena.ofAuto().allocate(Blocks.BYTES, Blocks.BYTES);
  private final BlockRef ref = new BlockRef();

  private Image image;
  private OpenLayer open;
  private int openSource = -1;

  private DiskBlocks(
      RawFileBackend baseFile, Layers layers, Image image, BlockTable table, LinuxFile zeroes) {
    this.baseFile = baseFile;
    this.byteSize = baseFile.byteSize();
    this.blockCount = Blocks.count(byteSize);
    this.sources = new SourceFiles(layers);
    this.image = image;
    this.table = table;
    this.zeroes = zeroes;
  }

  static DiskBlocks open(DiskBase base, Layers layers, Image image) {
    RawFileBackend baseFile = base.open();
    BlockTable table = null;
    try {
      table = new BlockTable(Blocks.count(base.byteSize()));
      LinuxFile zeroes = LinuxFile.inMemory("torpor-zeroes", ZEROES_BYTES, false);
      return new DiskBlocks(baseFile, layers, image, table, zeroes);
    } catch (RuntimeException | Error e) {
      if (table != null) {
        table.close();
      }
      baseFile.close();
      throw e;
    }
  }

  /** What blocks are read from that the table does not know. */
  Image image() {
    return image;
  }

  void image(Image newImage) {
    image = newImage;
  }

  /** The layer that is written; null if there is none yet. */
  OpenLayer open() {
    return open;
  }

  /** Makes a layer the one that is written, or says that there is none. */
  void open(OpenLayer layer) {
    open = layer;
    openSource = layer == null ? -1 : sources.sourceOf(layer.number());
  }

  /** Reads blocks from a layer that the image does not know yet; false if it has one twice. */
  boolean remember(OpenLayer layer) {
    int source = sources.sourceOf(layer.number());
    for (long slot = 0; slot < layer.slotCount(); slot++) {
      long block = layer.block(slot);
      long entry = BlockTable.entry(source, OpenLayer.place(slot), layer.isZero(slot));
      long known = table.get(block);
      if (BlockTable.source(known) == source
          && BlockTable.place(known) != BlockTable.place(entry)) {
        return false;
      }
      table.set(block, entry);
    }
    return true;
  }

  /** Reads a layer's blocks from the image again. */
  void forget(OpenLayer layer) {
    for (long slot = 0; slot < layer.slotCount(); slot++) {
      forget(layer.block(slot));
    }
  }

  void forget(long block) {
    table.set(block, BlockTable.UNKNOWN);
  }

  /** Reads some of a layer's blocks from the image again, where nothing newer has come. */
  void forgetSlots(OpenLayer layer, long[] slots) {
    int source = sources.sourceOf(layer.number());
    for (long slot : slots) {
      long block = layer.block(slot);
      if (BlockTable.source(table.get(block)) == source) {
        forget(block);
      }
    }
  }

  void read(long offset, long hva, long byteCount) {
    long done = 0;
    while (done < byteCount) {
      done += readRun(offset + done, hva + done, byteCount - done);
    }
  }

  /** Reads as far as one system call gets; returns how far. */
  private long readRun(long offset, long hva, long byteCount) {
    long block = offset / Blocks.BYTES;
    long within = offset % Blocks.BYTES;
    long entry = resolve(block);
    long length = Math.min(Blocks.BYTES - within, byteCount);
    for (long i = 1; length < byteCount && BlockTable.follows(entry, resolve(block + i), i); i++) {
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
      SnapshotFormatException damage =
          new SnapshotFormatException(
              sources.path(BlockTable.source(entry)),
              ref.offset(),
              "a block with CRC32C %08x".formatted(ref.checksum()),
              "%08x".formatted(found));
      // The guest only learns that there was an I/O error.
      LOG.warn("a disk has lost a block: {}", damage.getMessage());
      throw damage;
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

  /** Writes to the open layer, which there must be. */
  void write(long offset, long hva, long byteCount) {
    long done = 0;
    while (done < byteCount) {
      long at = offset + done;
      long left = byteCount - done;
      done +=
          at % Blocks.BYTES == 0 && left >= Blocks.BYTES
              ? writeBlocks(at / Blocks.BYTES, hva + done, left / Blocks.BYTES)
              : writePart(at, hva + done, left);
    }
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

  /** Makes the whole blocks of a range zero. */
  void discard(long offset, long byteCount) {
    zeroBlocks(Math.ceilDiv(offset, (long) Blocks.BYTES), endOfWholeBlocks(offset + byteCount));
  }

  /** Makes a range zero. */
  void writeZeroes(long offset, long byteCount) {
    long end = offset + byteCount;
    long firstWhole = Math.ceilDiv(offset, (long) Blocks.BYTES);
    long endWhole = endOfWholeBlocks(end);
    if (firstWhole >= endWhole) {
      writeZeroParts(offset, end);
      return;
    }
    writeZeroParts(offset, firstWhole * Blocks.BYTES);
    zeroBlocks(firstWhole, endWhole);
    writeZeroParts(endWhole * Blocks.BYTES, end);
  }

  private void writeZeroParts(long from, long end) {
    long at = from;
    while (at < end) {
      at += writePart(at, zeroBlock.address(), end - at);
    }
  }

  /** The first block that a range does not cover; the disk's last block may be a short one. */
  private long endOfWholeBlocks(long end) {
    return end == byteSize ? blockCount : end / Blocks.BYTES;
  }

  private void zeroBlocks(long firstBlock, long endBlock) {
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
  public void close() {
    sources.close();
    zeroes.close();
    table.close();
    baseFile.close();
  }
}
