package dev.torpor.vmm.memory;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.KvmException;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Reads KVM's dirty log. Reading it leaves the pages dirty and unprotected; those that were read,
 * and only those, are then cleared and write-protected again. A page written between the two is
 * either among them, and newer than its report, or stays in the log.
 */
final class DirtyLogTracker implements DirtyTracker {
  private final GuestMemory memory;
  private final VmFd vm;
  private final List<SlotPages> slots;

  /** Room for the log of the largest memslot; made for the first collection. */
  private MemorySegment bitmap;

  private volatile boolean started;

  DirtyLogTracker(GuestMemory memory, VmFd vm, List<MemorySlot> slots) {
    this.memory = memory;
    this.vm = vm;
    this.slots = slots.stream().map(slot -> SlotPages.of(slot, memory)).toList();
    try {
      vm.enable(Cap.MANUAL_DIRTY_LOG_PROTECT2, 1);
    } catch (KvmException e) {
      throw new IllegalStateException(
          "tracking by DIRTY_LOG: this kernel's log cannot be cleared on its own; Linux 5.2 or"
              + " newer is needed",
          e);
    }
  }

  @Override
  public TrackerKind kind() {
    return TrackerKind.DIRTY_LOG;
  }

  @Override
  public void addVcpu(VcpuFd vcpu) {}

  @Override
  public void start() {
    if (started) {
      return;
    }
    memory.startMarking();
    slots.forEach(slot -> slot.log(vm));
    started = true;
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
    if (bitmap == null) {
      bitmap = roomForLargest();
    }
    for (int i = 0; i < slots.size(); i++) {
      SlotPages slot = slots.get(i);
      vm.getDirtyLog(slot.slot().id(), bitmap);
      if (target.addBitmap(slot.firstPage(), bitmap, slot.pageCount())) {
        vm.clearDirtyLog(slot.slot().id(), 0, (int) slot.pageCount(), bitmap);
      }
    }
    memory.takeWritten(target);
  }

  private MemorySegment roomForLargest() {
    long largest = slots.stream().mapToLong(SlotPages::pageCount).max().orElse(0);
    return Arena.ofAuto().allocate(Math.ceilDiv(largest, Long.SIZE) * Long.BYTES, Long.BYTES);
  }

  @Override
  public void makeRoomInRings() {
    throw new IllegalStateException("a dirty ring is full, but there are no rings");
  }

  @Override
  public void close() {}
}
