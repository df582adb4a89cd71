package dev.torpor.kvm;

/**
 * A stretch of guest physical space backed by memory of the VMM (section 4.35).
 *
 * @param id the memslot's number
 * @param flags {@link #LOG_DIRTY_PAGES}, {@link #READ_ONLY}, or 0
 * @param gpa its first guest physical address, page-aligned
 * @param byteSize its length, a multiple of the page size; 0 deletes the memslot
 * @param hva the host virtual address behind it, page-aligned; must stay mapped as long as the slot
 */
public record MemorySlot(int id, int flags, long gpa, long byteSize, long hva) {
  /** Writes of the guest are recorded. */
  public static final int LOG_DIRTY_PAGES = 1;

  /** Writes of the guest leave KVM_RUN instead. */
  public static final int READ_ONLY = 2;
}
