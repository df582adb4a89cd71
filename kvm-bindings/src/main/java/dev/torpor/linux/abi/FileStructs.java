package dev.torpor.linux.abi;

import static dev.torpor.linux.abi.Abi.struct;
import static dev.torpor.linux.abi.Abi.u64;

import java.lang.foreign.StructLayout;
import java.util.List;

/** The pagemap's structures and the requests of terminals (Linux: {@code linux/fs.h}). */
public final class FileStructs {
  private FileStructs() {}

  /** {@code struct page_region}, since Linux 6.7. */
  public static final StructLayout PAGE_REGION =
      struct("page_region", u64("start"), u64("end"), u64("categories"));

  /** {@code struct pm_scan_arg}, since Linux 6.7. */
  public static final StructLayout PM_SCAN_ARG =
      struct(
          "pm_scan_arg",
          u64("size"),
          u64("flags"),
          u64("start"),
          u64("end"),
          u64("walk_end"),
          u64("vec"),
          u64("vec_len"),
          u64("max_pages"),
          u64("category_inverted"),
          u64("category_mask"),
          u64("category_anyof_mask"),
          u64("return_mask"));

  /** Scans a process's page tables, and write-protects what it finds if asked to. */
  public static final IoctlRequest PAGEMAP_SCAN =
      IoctlRequest.readWrite("PAGEMAP_SCAN", 'f', 16, PM_SCAN_ARG);

  /** Every structure here, for the test against the headers. */
  public static final List<StructLayout> ALL = List.of(PAGE_REGION, PM_SCAN_ARG);

  /** Every request here, for the test against the headers. */
  public static final List<IoctlRequest> REQUESTS = List.of(PAGEMAP_SCAN);
}
