package dev.torpor.vmm.boot;

/**
 * A segment register with its hidden part. Source: Intel's Software Developer's Manual, volume 3,
 * 3.4.5.
 *
 * @param base where the segment begins
 * @param limit its last offset in bytes, unsigned
 * @param selector what the guest sees of the register; its lowest 2 bits are the privilege level
 * @param type 4 bits, which depend on {@code s}
 * @param present whether it is in memory
 * @param dpl privilege level, 0 to 3
 * @param db whether operands and stack are 32 bits wide
 * @param s whether it is a code or data segment; else it belongs to the system
 * @param l whether it holds 64-bit code
 * @param g whether the descriptor counts the limit in pages
 * @param unusable whether the register holds no segment at all
 */
public record SegmentState(
    long base,
    int limit,
    int selector,
    int type,
    boolean present,
    int dpl,
    boolean db,
    boolean s,
    boolean l,
    boolean g,
    boolean unusable) {

  private static final int WHOLE_SPACE = -1;
  private static final int TYPE_DATA_WRITABLE_ACCESSED = 3;
  private static final int TYPE_CODE_READABLE_ACCESSED = 11;
  private static final int TYPE_TASK_STATE_BUSY = 11;
  private static final int TASK_STATE_LAST_BYTE = 0x67;
  private static final int PRIVILEGE_MASK = 3;

  /**
   * 64-bit code over the whole address space.
   *
   * @param selector the selector, which also gives the privilege level
   * @return the segment
   */
  public static SegmentState code64(int selector) {
    return flat(selector, TYPE_CODE_READABLE_ACCESSED, false, true);
  }

  /**
   * 32-bit code over 4 GiB.
   *
   * @param selector the selector, which also gives the privilege level
   * @return the segment
   */
  public static SegmentState code32(int selector) {
    return flat(selector, TYPE_CODE_READABLE_ACCESSED, true, false);
  }

  /**
   * Writable data over 4 GiB.
   *
   * @param selector the selector, which also gives the privilege level
   * @return the segment
   */
  public static SegmentState data(int selector) {
    return flat(selector, TYPE_DATA_WRITABLE_ACCESSED, true, false);
  }

  /**
   * A busy task state segment at 0, which the processor demands though no task is ever switched.
   *
   * @param selector the selector
   * @return the segment
   */
  public static SegmentState taskState(int selector) {
    return new SegmentState(
        0,
        TASK_STATE_LAST_BYTE,
        selector,
        TYPE_TASK_STATE_BUSY,
        true,
        0,
        false,
        false,
        false,
        false,
        false);
  }

  /**
   * No segment.
   *
   * @return the state of a register that was loaded with the null selector
   */
  public static SegmentState none() {
    return new SegmentState(0, 0, 0, 0, false, 0, false, false, false, false, true);
  }

  private static SegmentState flat(int selector, int type, boolean db, boolean l) {
    int dpl = selector & PRIVILEGE_MASK;
    return new SegmentState(0, WHOLE_SPACE, selector, type, true, dpl, db, true, l, true, false);
  }

  /**
   * The segment's entry in a descriptor table.
   *
   * @return 8 bytes; a task state segment's base above 4 GiB has no room in them
   */
  public long descriptor() {
    long units = Integer.toUnsignedLong(limit) >>> (g ? 12 : 0);
    long access = type | bit(s, 4) | ((long) dpl << 5) | bit(present, 7);
    long flags = bit(l, 1) | bit(db, 2) | bit(g, 3);
    return (units & 0xffff)
        | ((base & 0xff_ffff) << 16)
        | (access << 40)
        | (((units >>> 16) & 0xf) << 48)
        | (flags << 52)
        | (((base >>> 24) & 0xff) << 56);
  }

  private static long bit(boolean value, int position) {
    return value ? 1L << position : 0;
  }
}
