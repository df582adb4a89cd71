package dev.torpor.vmm.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryLayout;
import dev.torpor.vmm.memory.PageSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * Finds the pages of a guest that the host has given it so far. All others are zero, and looking at
 * them would only make the host give them. Source: the kernel's admin-guide/mm/pagemap.rst.
 */
final class PopulatedPages {
  private static final long PRESENT_OR_SWAPPED = 3L << 62;
  private static final int ENTRIES = 1 << 16;

  private PopulatedPages() {}

  /**
   * Adds them.
   *
   * @throws LinuxException if the host does not tell
   */
  static void addTo(PageSet target, GuestMemory memory) {
    if (memory.addAllocated(target)) {
      return;
    }
    long firstEntry = memory.address() / MemoryLayout.PAGE_BYTES;
    try (Arena arena = Arena.ofConfined();
        LinuxFile pageMap = LinuxFile.open(Path.of("/proc/self/pagemap"), LinuxFile.O_RDONLY)) {
      MemorySegment entries = arena.allocate(JAVA_LONG, ENTRIES);
      long pageCount = memory.pageCount();
      for (long page = 0; page < pageCount; page += ENTRIES) {
        int count = (int) Math.min(ENTRIES, pageCount - page);
        pageMap.read(
            entries.address(), (long) count * Long.BYTES, (firstEntry + page) * Long.BYTES);
        for (int i = 0; i < count; i++) {
          if ((entries.getAtIndex(JAVA_LONG, i) & PRESENT_OR_SWAPPED) != 0) {
            target.add(page + i);
          }
        }
      }
    }
  }
}
