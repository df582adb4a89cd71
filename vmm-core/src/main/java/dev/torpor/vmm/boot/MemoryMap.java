package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryRegion;
import java.util.ArrayList;
import java.util.List;

/** What a kernel is told about physical memory: the map that a PC's BIOS gives as e820. */
final class MemoryMap {
  static final int RAM = 1;
  static final int RESERVED = 2;

  /** A range of guest physical space. What no range covers holds nothing, or devices. */
  record Range(long gpa, long byteSize, int type) {}

  private MemoryMap() {}

  static List<Range> of(GuestMemory memory) {
    List<Range> ranges = new ArrayList<>();
    ranges.add(between(0, LowMemory.EXTENDED_BIOS_DATA, RAM));
    ranges.add(between(LowMemory.EXTENDED_BIOS_DATA, LowMemory.DISPLAY, RESERVED));
    ranges.add(between(LowMemory.ACPI_TABLES, LowMemory.END, RESERVED));
    ranges.add(between(LowMemory.END, endOfLowRam(memory), RAM));
    for (MemoryRegion high : memory.regions().subList(1, memory.regions().size())) {
      ranges.add(new Range(high.gpa(), high.byteSize(), RAM));
    }
    return ranges;
  }

  /** Where the RAM that begins at 0 ends: 3 GiB at most. */
  static long endOfLowRam(GuestMemory memory) {
    return memory.regions().getFirst().end();
  }

  private static Range between(long start, long end, int type) {
    return new Range(start, end - start, type);
  }
}
