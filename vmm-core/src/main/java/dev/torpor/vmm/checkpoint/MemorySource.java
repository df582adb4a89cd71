package dev.torpor.vmm.checkpoint;

/** Where a restored VM's memory comes from. Either way nothing is read before it is needed. */
public enum MemorySource {
  /** {@link #MAPPED} where the image allows it, else {@link #PAGED}. */
  BEST,
  /**
   * The layers' files, mapped copy-on-write: the kernel brings pages in, and VMs of one checkpoint
   * share them. For images that lie in few pieces. The layers are verified whole once on a host.
   */
  MAPPED,
  /** userfaultfd: each page is looked up, verified and copied when it is missed. */
  PAGED
}
