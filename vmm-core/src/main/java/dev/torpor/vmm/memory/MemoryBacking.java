package dev.torpor.vmm.memory;

/** Where guest memory lives on the host. */
public enum MemoryBacking {
  /** Private anonymous memory, with transparent huge pages where the host has them. */
  ANONYMOUS,
  /** A memfd, mapped shared: other mappings can see it. */
  MEMFD,
  /** A memfd of pages from the host's pool of huge pages ({@code vm.nr_hugepages}). */
  HUGETLBFS,
  /**
   * Files mapped copy-on-write: that of a VM restored from a mapped image, and nothing to choose.
   * userfaultfd does not take it.
   */
  FILES
}
