package dev.torpor.kvm;

import static dev.torpor.kvm.abi.MemoryStructs.KVM_DIRTY_GFN;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * The ring in which KVM reports the pages that one vCPU dirtied (section 8.29). An entry goes from
 * empty to dirty by KVM, to harvested by {@link #harvest}, to empty by {@link
 * VmFd#resetDirtyRings()}. Belongs to one thread at a time.
 */
public final class DirtyRing implements AutoCloseable {
  /** Where KVM maps the ring, in pages of the vCPU's descriptor. */
  private static final long PAGE_OFFSET = 64L * 4096;

  private static final int DIRTY = 1;
  private static final int HARVESTED = 2;
  private static final long ENTRY_BYTES = KVM_DIRTY_GFN.byteSize();
  private static final long SLOT = offset(KVM_DIRTY_GFN, "slot");
  private static final long PAGE = offset(KVM_DIRTY_GFN, "offset");
  private static final VarHandle FLAGS = JAVA_INT.varHandle();

  private final Mapping mapping;
  private final MemorySegment entries;
  private final int capacity;
  private int next;

  DirtyRing(VcpuFd vcpu, int byteSize) {
    mapping =
        Mapping.file(
            vcpu.descriptor(),
            PAGE_OFFSET,
            byteSize,
            Mapping.PROT_READ | Mapping.PROT_WRITE,
            Mapping.MAP_SHARED);
    entries = mapping.segment();
    capacity = (int) (byteSize / ENTRY_BYTES);
  }

  /** Receives harvested pages. */
  @FunctionalInterface
  public interface PageSink {
    /**
     * A page was dirtied.
     *
     * @param slotId the memslot's number
     * @param pageIndex the page in the memslot
     */
    void accept(int slotId, long pageIndex);
  }

  /**
   * Takes the pages reported since the last time.
   *
   * @param sink receives each; a page may be reported more than once
   * @return how many entries were taken
   */
  public int harvest(PageSink sink) {
    int taken = 0;
    while (taken < capacity) {
      long at = next * ENTRY_BYTES;
      // Acquire: the entry's page is read after the flag that publishes it.
      if (((int) FLAGS.getAcquire(entries, at) & (DIRTY | HARVESTED)) != DIRTY) {
        break;
      }
      sink.accept(entries.get(JAVA_INT, at + SLOT), entries.get(JAVA_LONG, at + PAGE));
      // Release: KVM may reuse the entry once the flag is set.
      FLAGS.setRelease(entries, at, HARVESTED);
      next = next + 1 == capacity ? 0 : next + 1;
      taken++;
    }
    return taken;
  }

  @Override
  public void close() {
    mapping.close();
  }
}
