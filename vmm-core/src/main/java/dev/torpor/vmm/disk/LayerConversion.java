package dev.torpor.vmm.disk;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.snapshot.BlockChanges;
import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Checksums;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.LayerWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Makes an image of a sealed layer: one pass over its blocks, ascending. */
final class LayerConversion implements AutoCloseable {
  private static final int BATCH_BLOCKS = 64;

  private final LayeredDisk disk;
  private final Image parent;
  private final OpenLayer layer;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment batch =
      arena.allocate((long) BATCH_BLOCKS * Blocks.BYTES, Blocks.BYTES);
  private final MemorySegment below = arena.allocate(Blocks.BYTES, Blocks.BYTES);
  private final BlockRef ref = new BlockRef();
  private final BlockChanges changes = new BlockChanges();

  /** Slots that the image does not refer to. */
  private long[] leftOut = new long[64];

  private int leftOutCount;
  private LayerWriter writer;

  LayerConversion(LayeredDisk disk, Image parent, OpenLayer layer) {
    this.disk = disk;
    this.parent = parent;
    this.layer = layer;
  }

  Image run() {
    int count = Math.toIntExact(layer.slotCount());
    long[] order = slotsByBlock(count);
    for (int done = 0; done < count; ) {
      int run = runLength(order, done);
      convertRun((int) order[done], run);
      done += run;
    }
    return changes.count() == 0 ? parent : write();
  }

  /** Slots ascending by block: each in the low half of a word, below its block. */
  private long[] slotsByBlock(int count) {
    long[] order = new long[count];
    for (int slot = 0; slot < count; slot++) {
      order[slot] = (layer.block(slot) << Integer.SIZE) | slot;
    }
    Arrays.parallelSort(order);
    return order;
  }

  /** How many of the next blocks follow each other, in the layer too. */
  private static int runLength(long[] order, int from) {
    long step = (1L << Integer.SIZE) + 1;
    int length = 1;
    while (length < BATCH_BLOCKS
        && from + length < order.length
        && order[from + length] == order[from] + length * step) {
      length++;
    }
    return length;
  }

  private void convertRun(int firstSlot, int count) {
    long byteCount = (long) count * Blocks.BYTES;
    long offset = OpenLayer.place(firstSlot) * Blocks.BYTES;
    // The end of the file is a hole where a zero block has the last slot.
    long found = layer.file().read(batch.address(), byteCount, offset);
    batch.asSlice(found, byteCount - found).fill((byte) 0);
    for (int i = 0; i < count; i++) {
      int slot = firstSlot + i;
      if (!layer.isZero(slot) && (i + 1L) * Blocks.BYTES > found) {
        throw new LinuxException("pread", Errno.EIO, layer + " was cut short");
      }
      MemorySegment content = batch.asSlice((long) i * Blocks.BYTES, Blocks.BYTES);
      if (layer.isZero(slot) || Blocks.isZero(content, 0)) {
        convertZero(slot);
      } else {
        convertData(slot, content);
      }
    }
  }

  private void convertZero(long slot) {
    long block = layer.block(slot);
    leaveOut(slot);
    parent.find(block, ref);
    boolean unchanged = ref.isZero() || (ref.isAbsent() && isBaseZero(block));
    if (!unchanged) {
      changes.zero(block);
    }
  }

  private boolean isBaseZero(long block) {
    disk.readBase(block, below.address());
    return Blocks.isZero(below, 0);
  }

  private void convertData(long slot, MemorySegment content) {
    long block = layer.block(slot);
    int checksum = Checksums.of(content, 0, Blocks.BYTES);
    if (isUnchanged(block, checksum, content)) {
      leaveOut(slot);
      return;
    }
    changes.stored(block, layer.number(), checksum, OpenLayer.place(slot) * Blocks.BYTES);
  }

  private boolean isUnchanged(long block, int checksum, MemorySegment content) {
    parent.find(block, ref);
    if (ref.isZero() || (ref.isStored() && ref.checksum() != checksum)) {
      return false;
    }
    if (ref.isAbsent()) {
      disk.readBase(block, below.address());
    } else {
      parent.read(block, below);
    }
    return below.mismatch(content) < 0;
  }

  private void leaveOut(long slot) {
    if (leftOutCount == leftOut.length) {
      leftOut = Arrays.copyOf(leftOut, 2 * leftOutCount);
    }
    leftOut[leftOutCount++] = slot;
  }

  private Image write() {
    LayerWriter own = layer.writer();
    // A finished layer never changes: the map of one that was recovered goes to a layer of its own.
    LayerWriter nodes =
        own != null ? own : disk.layers().create(LayerKind.PACKED, parent.blockCount());
    try {
      long end = OpenLayer.place(layer.slotCount()) * Blocks.BYTES;
      if (own != null && own.end() < end) {
        own.reserve(end - own.end());
      }
      Image image = parent.with(changes, nodes);
      nodes.finish();
      writer = nodes;
      return image;
    } catch (RuntimeException | Error e) {
      if (nodes != own) {
        nodes.close();
      }
      throw e;
    }
  }

  /** What is to be made durable; null if the image is its parent. */
  LayerWriter writer() {
    return writer;
  }

  /** The slots that the image does not refer to, because they are zero or as their parent's. */
  long[] leftOut() {
    return Arrays.copyOf(leftOut, leftOutCount);
  }

  @Override
  public void close() {
    arena.close();
  }
}
