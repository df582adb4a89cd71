package dev.torpor.vmm.boot;

/**
 * Who uses the first MiB of a guest that boots a kernel.
 *
 * <pre>
 * 0x00500  descriptor table
 * 0x07000  Linux's zero page, struct boot_params
 * 0x09000  page tables: PML4, PDPT, and a PD for each of 4 GiB
 * 0x20000  command line of a bzImage
 * 0x90000  start block of a PVH kernel, its module and memory map
 * 0x91000  command line of a PVH kernel
 * 0x9fc00  reserved: where a PC has its extended BIOS data area
 * 0xa0000  nothing: where a PC has its display
 * 0xe0000  reserved: ACPI tables
 * </pre>
 *
 * <p>What lies below 0x9fc00 is only read while the guest starts, and is RAM afterwards. A PVH
 * kernel brings its own page tables, usually to low addresses: its start block keeps clear of them.
 */
final class LowMemory {
  static final long GDT = 0x500;
  static final long ZERO_PAGE = 0x7000;
  static final long ZERO_PAGE_STACK_TOP = 0x9000;
  static final long PML4 = 0x9000;
  static final long LINUX_COMMAND_LINE = 0x2_0000;
  static final long LINUX_COMMAND_LINE_BYTES = 0x1_0000;
  static final long PVH_START_INFO = 0x9_0000;
  static final long PVH_MODULE = 0x9_0080;
  static final long PVH_MEMORY_MAP = 0x9_0100;
  static final long PVH_COMMAND_LINE = 0x9_1000;
  static final long PVH_COMMAND_LINE_BYTES = 0xe000;
  static final long EXTENDED_BIOS_DATA = 0x9_fc00;
  static final long DISPLAY = 0xa_0000;
  static final long ACPI_TABLES = 0xe_0000;
  static final long END = 0x10_0000;

  private LowMemory() {}
}
