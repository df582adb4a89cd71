package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryLayout;

/**
 * Page tables that map every address to itself, in pages of 2 MiB. The PML4 comes first, the PDPT a
 * page behind it, then a PD for each GiB.
 */
final class IdentityPages {
  static final long USER = 1 << 2;

  private static final long PRESENT = 1;
  private static final long WRITABLE = 1 << 1;
  private static final long ACCESSED = 1 << 5;
  private static final long DIRTY = 1 << 6;
  private static final long LARGE = 1 << 7;
  private static final int ENTRIES = 512;
  private static final int LARGE_PAGE_SHIFT = 21;

  private IdentityPages() {}

  /**
   * Writes the tables. Accessed and dirty are set already, so that the processor never writes to
   * them and no page of them turns up in a dirty set.
   *
   * @param pml4 where the first table goes
   * @param gibCount how many GiB to map, at most 512
   * @param privilege {@link #USER}, or 0 for the kernel only
   */
  static void write(GuestMemory memory, long pml4, int gibCount, long privilege) {
    long table = PRESENT | WRITABLE | ACCESSED | privilege;
    long page = table | DIRTY | LARGE;
    long pdpt = pml4 + MemoryLayout.PAGE_BYTES;
    long pds = pdpt + MemoryLayout.PAGE_BYTES;
    memory.fill(pml4, 2 * MemoryLayout.PAGE_BYTES, (byte) 0);
    memory.writeLong(pml4, pdpt | table);
    for (long i = 0; i < gibCount; i++) {
      memory.writeLong(pdpt + i * Long.BYTES, (pds + i * MemoryLayout.PAGE_BYTES) | table);
    }
    for (long i = 0; i < (long) gibCount * ENTRIES; i++) {
      memory.writeLong(pds + i * Long.BYTES, (i << LARGE_PAGE_SHIFT) | page);
    }
  }
}
