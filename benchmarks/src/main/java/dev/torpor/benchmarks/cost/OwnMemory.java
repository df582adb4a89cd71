package dev.torpor.benchmarks.cost;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryRegion;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/** What of this process's resident memory is the VMM's, and what its guests'. */
final class OwnMemory {
  private static final Path MAPPINGS = Path.of("/proc/self/smaps");
  private static final long KIB = 1024;

  private OwnMemory() {}

  /** The addresses of a guest's memory, from the first to behind the last. */
  record Range(long start, long end) {
    boolean overlaps(long from, long to) {
      return from < end && to > start;
    }
  }

  /** Where a guest's memory is in this process. */
  static List<Range> of(GuestMemory memory) {
    List<Range> ranges = new ArrayList<>();
    for (MemoryRegion region : memory.regions()) {
      long start = memory.hva(region.gpa(), region.byteSize());
      ranges.add(new Range(start, start + region.byteSize()));
    }
    return ranges;
  }

  /** Bytes that are resident outside of guests' memory. */
  static long residentBytes(List<Range> guests) {
    try {
      return residentBytes(Files.readAllLines(MAPPINGS), guests);
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + MAPPINGS, e);
    }
  }

  static long residentBytes(List<String> smaps, List<Range> guests) {
    long bytes = 0;
    boolean own = true;
    for (String line : smaps) {
      int dash = line.indexOf('-');
      int blank = line.indexOf(' ');
      if (dash > 0 && dash < blank) {
        own = isOwn(line, dash, blank, guests);
      } else if (own && line.startsWith("Rss:")) {
        bytes += Long.parseLong(line.replaceAll("\\D+", "")) * KIB;
      }
    }
    return bytes;
  }

  private static boolean isOwn(String line, int dash, int blank, List<Range> guests) {
    long start = HexFormat.fromHexDigitsToLong(line.substring(0, dash));
    long end = HexFormat.fromHexDigitsToLong(line.substring(dash + 1, blank));
    return guests.stream().noneMatch(guest -> guest.overlaps(start, end));
  }
}
