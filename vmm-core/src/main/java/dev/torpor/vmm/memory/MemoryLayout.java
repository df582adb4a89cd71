package dev.torpor.vmm.memory;

import java.util.List;

/**
 * Where RAM lies in guest physical space: from 0 upwards, with a hole below 4 GiB for devices and
 * interrupt controllers; what does not fit below the hole continues at 4 GiB.
 *
 * <pre>
 * 0            3 GiB            4 GiB
 * |---- RAM ----|---- devices ----|---- RAM (memory beyond 3 GiB) ----
 * </pre>
 */
public final class MemoryLayout {
  /** The size of a page, in bytes. */
  public static final long PAGE_BYTES = 4096;

  /** Where the hole begins. */
  public static final long HOLE_START = 3L << 30;

  /** Where the hole ends and RAM goes on. */
  public static final long HOLE_END = 4L << 30;

  /** The smallest memory: the first MiB and what a flat guest needs above it. */
  public static final long MIN_BYTES = 4L << 20;

  /** The largest memory. */
  public static final long MAX_BYTES = 252L << 30;

  private MemoryLayout() {}

  /**
   * The regions of a guest's memory.
   *
   * @param byteSize the whole size, a multiple of 4 KiB from {@link #MIN_BYTES} to {@link
   *     #MAX_BYTES}
   * @return one region, or two where there is more than 3 GiB; in rising order
   */
  public static List<MemoryRegion> regions(long byteSize) {
    if (byteSize < MIN_BYTES || byteSize > MAX_BYTES || byteSize % PAGE_BYTES != 0) {
      throw new IllegalArgumentException(
          "memory of " + byteSize + " bytes: must be a multiple of 4 KiB, from 4 MiB to 252 GiB");
    }
    if (byteSize <= HOLE_START) {
      return List.of(new MemoryRegion(0, byteSize, 0));
    }
    return List.of(
        new MemoryRegion(0, HOLE_START, 0),
        new MemoryRegion(HOLE_END, byteSize - HOLE_START, HOLE_START));
  }
}
