package dev.torpor.linux;

import static dev.torpor.linux.abi.Abi.offset;
import static dev.torpor.linux.abi.FileStructs.PAGEMAP_SCAN;
import static dev.torpor.linux.abi.FileStructs.PAGE_REGION;
import static dev.torpor.linux.abi.FileStructs.PM_SCAN_ARG;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.Ioctl;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * This process's page tables, searched by category, with written pages protected again in the same
 * step (Linux: {@code Documentation/admin-guide/mm/pagemap.rst}, since 6.7). One thread at a time.
 */
public final class PageMap implements AutoCloseable {
  /** Write-protection is asynchronous there. */
  public static final long PAGE_IS_WPALLOWED = 1;

  /** Written since it was protected last. */
  public static final long PAGE_IS_WRITTEN = 1 << 1;

  /** Of a file. */
  public static final long PAGE_IS_FILE = 1 << 2;

  /** In memory. */
  public static final long PAGE_IS_PRESENT = 1 << 3;

  /** In swap. */
  public static final long PAGE_IS_SWAPPED = 1 << 4;

  /** The shared page of zeroes. */
  public static final long PAGE_IS_PFNZERO = 1 << 5;

  /** Part of a huge page. */
  public static final long PAGE_IS_HUGE = 1 << 6;

  /** Protect what is found. */
  public static final long SCAN_WP_MATCHING = 1;

  /** Fail where write-protection is not asynchronous. */
  public static final long SCAN_CHECK_WPASYNC = 1 << 1;

  private static final int REGIONS = 512;
  private static final long REGION_BYTES = PAGE_REGION.byteSize();
  private static final long REGION_END = offset(PAGE_REGION, "end");
  private static final long REGION_CATEGORIES = offset(PAGE_REGION, "categories");

  private final LinuxFile file;
  private final MemorySegment regions = Arena.ofAuto().allocate(PAGE_REGION, REGIONS);
  private long walkEnd;

  PageMap(LinuxFile file) {
    this.file = file;
  }

  /**
   * Opens the page tables of this process.
   *
   * @return the page map
   * @throws LinuxException ENOENT without /proc
   */
  public static PageMap open() {
    return new PageMap(LinuxFile.open(Path.of("/proc/self/pagemap"), LinuxFile.O_RDONLY));
  }

  /**
   * Finds regions whose pages are in all of the given categories.
   *
   * @param start the first HVA, page-aligned
   * @param end the HVA behind the last, page-aligned
   * @param flags {@code SCAN_} bits
   * @param categories {@code PAGE_IS_} bits, all of which a page must have
   * @return how many regions were found, at most 512; {@link #walkEnd} tells where to go on
   * @throws LinuxException ENOTTY before Linux 6.7; EPERM where asynchronous protection is missing
   */
  public int scan(long start, long end, long flags, long categories) {
    MemorySegment argument = Native.scratch(PM_SCAN_ARG);
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "size"), PM_SCAN_ARG.byteSize());
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "flags"), flags);
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "start"), start);
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "end"), end);
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "vec"), regions.address());
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "vec_len"), REGIONS);
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "category_mask"), categories);
    argument.set(JAVA_LONG, offset(PM_SCAN_ARG, "return_mask"), categories);
    int result = Ioctl.invoke(file.descriptor().number(), PAGEMAP_SCAN, argument.address());
    Failures.checkNegative(
        "PAGEMAP_SCAN",
        result,
        () ->
            "start=0x%x, end=0x%x, flags=%d, categories=%d"
                .formatted(start, end, flags, categories));
    walkEnd = argument.get(JAVA_LONG, offset(PM_SCAN_ARG, "walk_end"));
    return result;
  }

  /**
   * Where the last scan stopped.
   *
   * @return the HVA from which the next one goes on; the asked end if it was complete
   */
  public long walkEnd() {
    return walkEnd;
  }

  /**
   * Where a found region begins.
   *
   * @param index which of those found last
   * @return the HVA of its first page
   */
  public long regionStart(int index) {
    return regions.get(JAVA_LONG, index * REGION_BYTES);
  }

  /**
   * Where a found region ends.
   *
   * @param index which of those found last
   * @return the HVA behind its last page
   */
  public long regionEnd(int index) {
    return regions.get(JAVA_LONG, index * REGION_BYTES + REGION_END);
  }

  /**
   * The categories of a found region, among those asked for.
   *
   * @param index which of those found last
   * @return {@code PAGE_IS_} bits
   */
  public long regionCategories(int index) {
    return regions.get(JAVA_LONG, index * REGION_BYTES + REGION_CATEGORIES);
  }

  @Override
  public void close() {
    file.close();
  }
}
