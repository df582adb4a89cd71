package dev.torpor.kvm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;

/**
 * A view of one of the kernel's structures, laid over native memory that lives as long as the view
 * is reachable. Made once and reused; its bytes are the kernel's own, so copying them saves and
 * restores it. Belongs to one thread at a time.
 */
public abstract class KvmStruct {
  private final MemorySegment segment;

  KvmStruct(MemoryLayout layout) {
    this(layout.byteSize());
  }

  KvmStruct(long byteSize) {
    this(Arena.ofAuto().allocate(byteSize, Long.BYTES));
  }

  /** A view over memory of somebody else's. */
  KvmStruct(MemorySegment segment) {
    this.segment = segment;
  }

  /**
   * The structure's bytes, as the kernel lays them out.
   *
   * @return all of them; what is written there is written to the structure
   */
  public final MemorySegment segment() {
    return segment;
  }

  /**
   * The structure's size.
   *
   * @return the size in bytes
   */
  public final long byteSize() {
    return segment.byteSize();
  }
}
