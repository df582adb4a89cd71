package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RegisterStructs.KVM_DTABLE;
import static dev.torpor.kvm.abi.RegisterStructs.KVM_SEGMENT;
import static dev.torpor.kvm.abi.RegisterStructs.KVM_SREGS2;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.torpor.linux.abi.Abi;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.util.Locale;

/** What {@link Sregs} and {@link Sregs2} share: segments, descriptor tables, control registers. */
public abstract sealed class SpecialRegisters extends KvmStruct permits Sregs, Sregs2 {
  private static final long SEGMENT_BYTES = KVM_SEGMENT.byteSize();
  private static final long LIMIT = offset(KVM_SEGMENT, "limit");
  private static final long SELECTOR = offset(KVM_SEGMENT, "selector");
  private static final long TYPE = offset(KVM_SEGMENT, "type");
  private static final long PRESENT = offset(KVM_SEGMENT, "present");
  private static final long DPL = offset(KVM_SEGMENT, "dpl");
  private static final long DB = offset(KVM_SEGMENT, "db");
  private static final long S = offset(KVM_SEGMENT, "s");
  private static final long L = offset(KVM_SEGMENT, "l");
  private static final long G = offset(KVM_SEGMENT, "g");
  private static final long AVL = offset(KVM_SEGMENT, "avl");
  private static final long UNUSABLE = offset(KVM_SEGMENT, "unusable");
  private static final long TABLE_LIMIT = offset(KVM_DTABLE, "limit");
  private static final long GDT = offset(KVM_SREGS2, "gdt");
  private static final long IDT = offset(KVM_SREGS2, "idt");

  /** The control registers, in the kernel's order. */
  public enum Control {
    /** Modes of the processor. */
    CR0,
    /** The address of the last page fault. */
    CR2,
    /** The page table. */
    CR3,
    /** Features in use. */
    CR4,
    /** The task priority. */
    CR8,
    /** Extended features in use. */
    EFER,
    /** Where the local APIC is, and whether it is enabled. */
    APIC_BASE;

    private final long offset = Abi.offset(KVM_SREGS2, name().toLowerCase(Locale.ROOT));
  }

  SpecialRegisters(MemoryLayout layout) {
    super(layout);
  }

  SpecialRegisters(MemorySegment segment) {
    super(segment);
  }

  /**
   * The value of a control register.
   *
   * @param register which
   * @return its value
   */
  public final long get(Control register) {
    return segment().get(JAVA_LONG, register.offset);
  }

  /**
   * Sets the value of a control register, in this structure.
   *
   * @param register which
   * @param value its value
   */
  public final void set(Control register, long value) {
    segment().set(JAVA_LONG, register.offset, value);
  }

  /**
   * A segment register.
   *
   * @param register which
   * @return its contents
   */
  public final Segment get(SegmentRegister register) {
    MemorySegment s = slice(register);
    return new Segment(
        s.get(JAVA_LONG, 0),
        s.get(JAVA_INT, LIMIT),
        Short.toUnsignedInt(s.get(JAVA_SHORT, SELECTOR)),
        s.get(JAVA_BYTE, TYPE),
        flag(s, PRESENT),
        s.get(JAVA_BYTE, DPL),
        flag(s, DB),
        flag(s, S),
        flag(s, L),
        flag(s, G),
        flag(s, AVL),
        flag(s, UNUSABLE));
  }

  /**
   * Sets a segment register, in this structure.
   *
   * @param register which
   * @param value its contents
   */
  public final void set(SegmentRegister register, Segment value) {
    MemorySegment s = slice(register);
    s.set(JAVA_LONG, 0, value.base());
    s.set(JAVA_INT, LIMIT, value.limit());
    s.set(JAVA_SHORT, SELECTOR, (short) value.selector());
    s.set(JAVA_BYTE, TYPE, (byte) value.type());
    set(s, PRESENT, value.present());
    s.set(JAVA_BYTE, DPL, (byte) value.dpl());
    set(s, DB, value.db());
    set(s, S, value.s());
    set(s, L, value.l());
    set(s, G, value.g());
    set(s, AVL, value.avl());
    set(s, UNUSABLE, value.unusable());
  }

  /**
   * Sets the global descriptor table, in this structure.
   *
   * @param base its address
   * @param limit its last offset, in bytes
   */
  public final void setGdt(long base, int limit) {
    setTable(GDT, base, limit);
  }

  /**
   * Sets the interrupt descriptor table, in this structure.
   *
   * @param base its address
   * @param limit its last offset, in bytes
   */
  public final void setIdt(long base, int limit) {
    setTable(IDT, base, limit);
  }

  private void setTable(long at, long base, int limit) {
    segment().set(JAVA_LONG, at, base);
    segment().set(JAVA_SHORT, at + TABLE_LIMIT, (short) limit);
  }

  private MemorySegment slice(SegmentRegister register) {
    return segment().asSlice(register.offset, SEGMENT_BYTES);
  }

  private static boolean flag(MemorySegment s, long offset) {
    return s.get(JAVA_BYTE, offset) != 0;
  }

  private static void set(MemorySegment s, long offset, boolean flag) {
    s.set(JAVA_BYTE, offset, (byte) (flag ? 1 : 0));
  }
}
