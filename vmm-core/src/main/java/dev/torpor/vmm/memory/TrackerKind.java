package dev.torpor.vmm.memory;

/** How a VM learns which pages its guest wrote. All report the same pages; they differ in cost. */
public enum TrackerKind {
  /** KVM's bitmap of dirty pages, one for each memslot. */
  DIRTY_LOG,

  /**
   * KVM's ring of dirty pages, one for each vCPU: what a collection costs follows the number of
   * pages written and not the size of the memory. Since Linux 5.11.
   */
  DIRTY_RING,

  /**
   * Write protection that resolves itself, read back from the page tables: for memory that is
   * anonymous or a memfd, and on which no other userfaultfd is registered. Since Linux 6.7.
   */
  WRITE_PROTECT
}
