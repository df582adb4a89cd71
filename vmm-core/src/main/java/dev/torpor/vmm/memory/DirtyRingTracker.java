package dev.torpor.vmm.memory;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.DirtyRing;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Harvests KVM's dirty rings, one for each vCPU. The collector empties them all. A vCPU whose ring
 * fills up between two collections leaves the guest, and empties them too, into a set that the next
 * collection takes.
 *
 * <pre>
 *   ring of vCPU 0 --+-- collect ------------------------> target
 *   ring of vCPU 1 --+                                       ^
 *                    +-- full: on the vCPU's thread --> pending
 * </pre>
 *
 * <p>Rings are harvested and reset under one lock: KVM takes the entries of all rings back at once.
 */
final class DirtyRingTracker implements DirtyTracker {
  /**
   * How many pages a ring holds: as many as KVM allows, 1 MiB for each vCPU. A guest that writes
   * more pages in turns than its ring holds has them armed anew each time it is full, and pays for
   * their first writes again and again.
   */
  static final int RING_ENTRIES = 65_536;

  private static final int ENTRY_BYTES = 16;

  /** The bits of a reported slot that are its number; those above tell the address space. */
  private static final int SLOT_ID_MASK = 0xffff;

  private final GuestMemory memory;
  private final VmFd vm;
  private final SlotPages[] slots;
  private final int ringByteSize;
  private final ReentrantLock lock = new ReentrantLock();
  private final DirtyRing.PageSink intoSink = this::add;

  /** Guarded by the lock, as all below. */
  private final List<DirtyRing> rings = new ArrayList<>();

  /** What vCPUs harvested since the last collection; made at the start. */
  private PageSet pending;

  /** Where harvested pages go. */
  private PageSet sink;

  private volatile boolean started;

  DirtyRingTracker(GuestMemory memory, VmFd vm, List<MemorySlot> slots, int ringEntries) {
    this.memory = memory;
    this.vm = vm;
    this.slots = byId(slots, memory);
    this.ringByteSize = ringEntries * ENTRY_BYTES;
    enable();
  }

  private static SlotPages[] byId(List<MemorySlot> slots, GuestMemory memory) {
    int largest = slots.stream().mapToInt(MemorySlot::id).max().orElse(-1);
    SlotPages[] table = new SlotPages[largest + 1];
    slots.forEach(slot -> table[slot.id()] = SlotPages.of(slot, memory));
    return table;
  }

  private void enable() {
    Cap cap =
        vm.check(Cap.DIRTY_LOG_RING_ACQ_REL) > 0 ? Cap.DIRTY_LOG_RING_ACQ_REL : Cap.DIRTY_LOG_RING;
    int most = vm.check(cap);
    if (most < ringByteSize) {
      throw new IllegalStateException(
          "tracking by DIRTY_RING: this KVM offers rings of %d bytes, and %d are needed; DIRTY_LOG"
                  .formatted(most, ringByteSize)
              + " works everywhere");
    }
    vm.enable(cap, ringByteSize);
  }

  @Override
  public TrackerKind kind() {
    return TrackerKind.DIRTY_RING;
  }

  @Override
  public void addVcpu(VcpuFd vcpu) {
    lock.lock();
    try {
      rings.add(vcpu.mapDirtyRing(ringByteSize));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void start() {
    if (started) {
      return;
    }
    preparePending();
    memory.startMarking();
    for (SlotPages slot : slots) {
      if (slot != null) {
        slot.log(vm);
      }
    }
    started = true;
  }

  /** Under the lock, as the vCPUs use it: their rings may be full before this thread goes on. */
  private void preparePending() {
    lock.lock();
    try {
      pending = new PageSet(memory.pageCount());
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean isStarted() {
    return started;
  }

  @Override
  public void collect(PageSet target) {
    if (!started) {
      throw new IllegalStateException("dirty pages are collected before tracking was started");
    }
    lock.lock();
    try {
      target.addAll(pending);
      pending.clear();
      harvestInto(target);
    } finally {
      lock.unlock();
    }
    memory.takeWritten(target);
  }

  @Override
  public void makeRoomInRings() {
    lock.lock();
    try {
      harvestInto(pending);
    } finally {
      lock.unlock();
    }
  }

  /** The pages are in the set before they are tracked anew. */
  private void harvestInto(PageSet set) {
    sink = set;
    int taken = 0;
    for (int i = 0; i < rings.size(); i++) {
      taken += rings.get(i).harvest(intoSink);
    }
    if (taken > 0) {
      vm.resetDirtyRings();
    }
  }

  private void add(int slotId, long pageIndex) {
    SlotPages slot = slots[slotId & SLOT_ID_MASK];
    sink.add(slot.firstPage() + pageIndex);
  }

  @Override
  public void close() {
    lock.lock();
    try {
      rings.forEach(DirtyRing::close);
      rings.clear();
    } finally {
      lock.unlock();
    }
  }
}
