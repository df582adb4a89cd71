package dev.torpor.vmm.boot;

import dev.torpor.kvm.Segment;

/**
 * The segments that guests begin with. Source: Intel's Software Developer's Manual, volume 3,
 * 3.4.5.
 */
final class Segments {
  private static final int WHOLE_SPACE = -1;
  private static final int TYPE_DATA_WRITABLE_ACCESSED = 3;
  private static final int TYPE_CODE_READABLE_ACCESSED = 11;
  private static final int TYPE_TASK_STATE_BUSY = 11;
  private static final int TASK_STATE_LAST_BYTE = 0x67;
  private static final int PRIVILEGE_MASK = 3;

  private Segments() {}

  /**
   * 64-bit code over the whole address space.
   *
   * @param selector the selector, which also gives the privilege level
   * @return the segment
   */
  static Segment code64(int selector) {
    return flat(selector, TYPE_CODE_READABLE_ACCESSED, false, true);
  }

  /**
   * 32-bit code over 4 GiB.
   *
   * @param selector the selector, which also gives the privilege level
   * @return the segment
   */
  static Segment code32(int selector) {
    return flat(selector, TYPE_CODE_READABLE_ACCESSED, true, false);
  }

  /**
   * Writable data over 4 GiB.
   *
   * @param selector the selector, which also gives the privilege level
   * @return the segment
   */
  static Segment data(int selector) {
    return flat(selector, TYPE_DATA_WRITABLE_ACCESSED, true, false);
  }

  /**
   * A busy task state segment at 0, which the processor demands though no task is ever switched.
   *
   * @param selector the selector
   * @return the segment
   */
  static Segment taskState(int selector) {
    return new Segment(
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
        false,
        false);
  }

  /**
   * No segment.
   *
   * @return the state of a register that was loaded with the null selector
   */
  static Segment none() {
    return new Segment(0, 0, 0, 0, false, 0, false, false, false, false, false, true);
  }

  private static Segment flat(int selector, int type, boolean db, boolean l) {
    int dpl = selector & PRIVILEGE_MASK;
    return new Segment(0, WHOLE_SPACE, selector, type, true, dpl, db, true, l, true, false, false);
  }

  /**
   * A segment's entry in a descriptor table.
   *
   * @param segment the segment
   * @return 8 bytes; a task state segment's base above 4 GiB has no room in them
   */
  static long descriptor(Segment segment) {
    long units = Integer.toUnsignedLong(segment.limit()) >>> (segment.g() ? 12 : 0);
    long access =
        segment.type()
            | bit(segment.s(), 4)
            | ((long) segment.dpl() << 5)
            | bit(segment.present(), 7);
    long flags =
        bit(segment.avl(), 0) | bit(segment.l(), 1) | bit(segment.db(), 2) | bit(segment.g(), 3);
    return (units & 0xffff)
        | ((segment.base() & 0xff_ffff) << 16)
        | (access << 40)
        | (((units >>> 16) & 0xf) << 48)
        | (flags << 52)
        | (((segment.base() >>> 24) & 0xff) << 56);
  }

  private static long bit(boolean value, int position) {
    return value ? 1L << position : 0;
  }
}
