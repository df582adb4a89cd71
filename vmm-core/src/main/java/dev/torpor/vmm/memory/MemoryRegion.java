package dev.torpor.vmm.memory;

/**
 * A stretch of guest physical space that is RAM.
 *
 * @param gpa its first guest physical address, page-aligned
 * @param byteSize its length, a multiple of the page size
 * @param backingOffset where it begins in the backing memory, in bytes
 */
public record MemoryRegion(long gpa, long byteSize, long backingOffset) {

  /**
   * The address behind the region.
   *
   * @return the first guest physical address that is no longer part of it
   */
  public long end() {
    return gpa + byteSize;
  }
}
