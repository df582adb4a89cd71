package dev.torpor.snapshot;

import java.util.Arrays;

/**
 * Blocks in slots, in the order in which they came: an open-addressing table without objects. A
 * slot that is no longer needed goes to the next new block.
 */
final class PackedTable extends BlockTable {
  private static final int UNCHANGED = -1;
  private static final int ABSENT = -2;

  private final LayerWriter writer;

  // The table: block + 1 (0 is free), and its slot or one of the above.
  private long[] keys = new long[4096];
  private int[] slots = new int[4096];

  /** The blocks of the table as they came: mostly they ascend. */
  private long[] blocks = new long[2048];

  private int count;

  private int[] checksums = new int[512];
  private int slotCount;
  private int[] freeSlots = new int[16];
  private int freeCount;

  PackedTable(LayerWriter writer) {
    this.writer = writer;
  }

  @Override
  long store(long block, int checksum) {
    int place = place(block);
    boolean known = keys[place] != 0;
    int slot = known && slots[place] >= 0 ? slots[place] : newSlot();
    checksums[slot] = checksum;
    set(place, block, slot);
    return offset(slot);
  }

  @Override
  long drop(long block, boolean absent) {
    int place = place(block);
    boolean known = keys[place] != 0;
    if (!known && !absent) {
      return 0;
    }
    int old = known ? slots[place] : UNCHANGED;
    if (old >= 0) {
      free(old);
    }
    set(place, block, absent ? ABSENT : UNCHANGED);
    return old >= 0 ? offset(old) : 0;
  }

  @Override
  ChangeCursor changes() {
    long[] sorted = Arrays.copyOf(blocks, count);
    Arrays.sort(sorted);
    return new ChangeCursor() {
      private int next;

      @Override
      boolean advance() {
        while (next < sorted.length) {
          block = sorted[next++];
          int slot = slots[place(block)];
          if (slot != UNCHANGED) {
            boolean absent = slot == ABSENT;
            head = absent ? BlockRef.ABSENT_HEAD : BlockRef.head(writer.number(), checksums[slot]);
            offset = absent ? 0 : PackedTable.offset(slot);
            return true;
          }
        }
        return false;
      }
    };
  }

  /** Where in the table a block is, or belongs. */
  private int place(long block) {
    int mask = keys.length - 1;
    int place = (int) ((block * 0x9e37_79b9_7f4a_7c15L) >>> 32) & mask;
    while (keys[place] != 0 && keys[place] != block + 1) {
      place = (place + 1) & mask;
    }
    return place;
  }

  private void set(int place, long block, int slot) {
    slots[place] = slot;
    if (keys[place] == 0) {
      keys[place] = block + 1;
      blocks[count++] = block;
      if (count == blocks.length) {
        grow();
      }
    }
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldSlots = slots;
    int capacity = Math.multiplyExact(oldKeys.length, 2);
    keys = new long[capacity];
    slots = new int[capacity];
    blocks = Arrays.copyOf(blocks, capacity / 2);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != 0) {
        int place = place(oldKeys[i] - 1);
        keys[place] = oldKeys[i];
        slots[place] = oldSlots[i];
      }
    }
  }

  private int newSlot() {
    if (freeCount > 0) {
      return freeSlots[--freeCount];
    }
    if (slotCount == checksums.length) {
      checksums = Arrays.copyOf(checksums, Math.multiplyExact(slotCount, 2));
    }
    // The table is the layer's only user until the map is built, so slots follow each other.
    writer.reserve(Blocks.BYTES);
    return slotCount++;
  }

  private void free(int slot) {
    if (freeCount == freeSlots.length) {
      freeSlots = Arrays.copyOf(freeSlots, Math.multiplyExact(freeCount, 2));
    }
    freeSlots[freeCount++] = slot;
  }

  private static long offset(int slot) {
    return LayerHeader.BYTES + (long) slot * Blocks.BYTES;
  }
}
