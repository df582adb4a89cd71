package dev.torpor.vmm.memory;

import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.linux.LinuxException;
import java.util.List;

/**
 * Learns which pages of guest memory are written, by the guest or by the VMM.
 *
 * <pre>
 *   page:  armed ---- first write ----> written ---- collect ----> armed
 *                     (costs a fault)            (added to the set)
 * </pre>
 *
 * <p>No write is ever lost. One that is complete when the guest is paused is in the next
 * collection. One made while the guest runs is in a collection under way or in the next: a
 * processor may tell of pages late, until its vCPU leaves the guest. What is read from a page after
 * {@link #collect} has returned is at least as new as the write for which the page was reported.
 *
 * <p>More pages than were written may be reported: the one that a vCPU was about to write when it
 * was stopped, those of the guest's own page tables, which processors with nested paging write as
 * they walk them, and whole huge pages of hugetlbfs with {@link TrackerKind#WRITE_PROTECT}. Pages
 * that the VMM drops (with madvise) change without a write: whoever drops them tells {@link
 * GuestMemory#markWritten}.
 *
 * <p>One thread collects at a time; the guest and its devices may be running. Closed after the
 * vCPUs and before the VM.
 */
public sealed interface DirtyTracker extends AutoCloseable
    permits DirtyLogTracker, DirtyRingTracker, WriteProtectTracker {
  /**
   * Makes a tracker for a VM that has no vCPUs yet. It does not track before {@link #start}, and
   * costs the guest nothing until then.
   *
   * @param kind how to track
   * @param memory the VM's memory
   * @param vm the VM
   * @param slots its memslots, each within {@code memory} at a multiple of 64 pages, as they are
   *     set before tracking starts; those that {@linkplain MemorySlot#LOG_DIRTY_PAGES log} from the
   *     start need no change when tracking starts
   * @return the tracker
   * @throws IllegalStateException if this host cannot track so; the message says what can be done
   */
  static DirtyTracker create(
      TrackerKind kind, GuestMemory memory, VmFd vm, List<MemorySlot> slots) {
    return switch (kind) {
      case DIRTY_LOG -> new DirtyLogTracker(memory, vm, slots);
      case DIRTY_RING -> new DirtyRingTracker(memory, vm, slots, DirtyRingTracker.RING_ENTRIES);
      case WRITE_PROTECT -> new WriteProtectTracker(memory);
    };
  }

  /**
   * How it tracks.
   *
   * @return the kind it was made as
   */
  TrackerKind kind();

  /**
   * Tells of a vCPU, before it first runs.
   *
   * @param vcpu its descriptor
   * @throws LinuxException ENOMEM if its ring cannot be mapped
   */
  void addVcpu(VcpuFd vcpu);

  /**
   * Begins to track; the guest may be running. What was written before is not reported. A second
   * call does nothing.
   *
   * @throws KvmException if KVM refuses to log
   * @throws IllegalStateException if the memory is of a kind that cannot be tracked so
   */
  void start();

  /**
   * Whether it tracks.
   *
   * @return true from {@link #start} on
   */
  boolean isStarted();

  /**
   * Adds the pages written since {@link #start} or the last collection, and arms them anew. If it
   * fails, what it had taken by then is in the set all the same.
   *
   * @param target the set to add to, of {@link GuestMemory#pageCount()} pages
   * @throws IllegalStateException before {@link #start}
   * @throws KvmException if KVM does not tell
   */
  void collect(PageSet target);

  /**
   * Makes room in a vCPU's dirty ring. On the vCPU's thread, after KVM_EXIT_DIRTY_RING_FULL, which
   * only {@link TrackerKind#DIRTY_RING} causes.
   */
  void makeRoomInRings();

  /** Gives back what the tracker holds. Neither the guest nor a collection runs any more. */
  @Override
  void close();
}
