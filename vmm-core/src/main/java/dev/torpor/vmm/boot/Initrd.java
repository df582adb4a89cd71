package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryLayout;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A first file system in guest memory.
 *
 * @param gpa where it lies, page-aligned
 * @param byteSize its length; 0 for none
 */
record Initrd(long gpa, long byteSize) {
  private static final Initrd NONE = new Initrd(0, 0);

  /**
   * Loads the file as high as it may lie, out of the way of a kernel that unpacks itself.
   *
   * @param kernelEnd where the kernel's memory ends
   * @param limit the first address that the kernel can't use for it
   */
  static Initrd load(GuestMemory memory, Optional<Path> path, long kernelEnd, long limit) {
    if (path.isEmpty()) {
      return NONE;
    }
    try (BootFile file = new BootFile("initrd", path.get())) {
      long end = Math.min(limit, MemoryMap.endOfLowRam(memory));
      long gpa = (end - file.byteSize()) & -MemoryLayout.PAGE_BYTES;
      if (file.byteSize() == 0) {
        throw new BootException(file + " is empty");
      }
      if (gpa < kernelEnd) {
        throw new BootException(
            "%s of %d bytes does not fit between 0x%x, where the kernel's memory ends, and 0x%x: "
                    .formatted(file, file.byteSize(), kernelEnd, end)
                + "give the VM more memory");
      }
      file.copyTo(memory, gpa, 0, file.byteSize());
      return new Initrd(gpa, file.byteSize());
    }
  }
}
