package dev.torpor.vmm.memory;

import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VmFd;

/**
 * A memslot as pages of guest memory. KVM counts pages from the memslot's beginning; memory beyond
 * the hole is a memslot of its own, whose page 0 is not that of the memory.
 */
record SlotPages(MemorySlot slot, long firstPage, long pageCount) {
  static SlotPages of(MemorySlot slot, GuestMemory memory) {
    long offset = slot.hva() - memory.address();
    if (offset < 0 || offset > memory.byteSize() - slot.byteSize()) {
      throw new IllegalArgumentException(
          "memslot %d at hva=0x%x lies outside guest memory".formatted(slot.id(), slot.hva()));
    }
    long firstPage = offset / MemoryLayout.PAGE_BYTES;
    if (firstPage % Long.SIZE != 0) {
      throw new IllegalArgumentException(
          "memslot %d begins at page %d, which is not a multiple of 64"
              .formatted(slot.id(), firstPage));
    }
    return new SlotPages(slot, firstPage, slot.byteSize() / MemoryLayout.PAGE_BYTES);
  }

  /** Makes KVM record the guest's writes, unless it does. */
  void log(VmFd vm) {
    if ((slot.flags() & MemorySlot.LOG_DIRTY_PAGES) == 0) {
      vm.setMemorySlot(
          new MemorySlot(
              slot.id(),
              slot.flags() | MemorySlot.LOG_DIRTY_PAGES,
              slot.gpa(),
              slot.byteSize(),
              slot.hva()));
    }
  }
}
