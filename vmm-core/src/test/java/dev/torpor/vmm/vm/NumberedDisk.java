package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Blocks;
import dev.torpor.vmm.disk.LayeredDisk;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A disk that numbers are written to, 1, 2, 3 and so on, each filling the block that follows its
 * predecessor's, round and round. Whatever it holds at one instant is told by the last of them.
 */
final class NumberedDisk implements AutoCloseable {
  static final int BLOCKS = 64;
  private static final int WORDS = Blocks.BYTES / Long.BYTES;

  private final LayeredDisk disk;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment block = arena.allocate(Blocks.BYTES, Blocks.BYTES);

  NumberedDisk(LayeredDisk disk) {
    this.disk = disk;
  }

  void write(long number) {
    for (int i = 0; i < WORDS; i++) {
      block.setAtIndex(ValueLayout.JAVA_LONG, i, number);
    }
    disk.write(number % BLOCKS * Blocks.BYTES, block.address(), Blocks.BYTES);
  }

  /** The last number; everything before it must be there too, and nothing else. */
  long last() {
    long[] found = new long[BLOCKS];
    long last = 0;
    for (int i = 0; i < BLOCKS; i++) {
      disk.read((long) i * Blocks.BYTES, block.address(), Blocks.BYTES);
      found[i] = block.get(ValueLayout.JAVA_LONG, 0);
      for (int word = 1; word < WORDS; word++) {
        assertThat(block.getAtIndex(ValueLayout.JAVA_LONG, word)).isEqualTo(found[i]);
      }
      last = Math.max(last, found[i]);
    }
    for (int i = 0; i < BLOCKS; i++) {
      long expected = Math.max(0, last - Math.floorMod(last - i, BLOCKS));
      assertThat(found[i]).as("block %d of a disk that ends with %d", i, last).isEqualTo(expected);
    }
    return last;
  }

  @Override
  public void close() {
    arena.close();
  }
}
