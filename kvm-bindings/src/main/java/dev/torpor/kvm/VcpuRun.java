package dev.torpor.kvm;

import static dev.torpor.kvm.abi.RunStructs.KVM_RUN;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.torpor.kvm.abi.EventStructs;
import dev.torpor.kvm.abi.RegisterStructs;
import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;

/**
 * The page that a vCPU shares with the VMM: why KVM_RUN returned, and what it needs to go on
 * (section 5). Read and filled in place, by the vCPU's thread, between two runs.
 *
 * <pre>
 *   exit reason | I/O:  direction, width, port, count, where the data are
 *               | MMIO: guest physical address, up to 8 bytes, width, direction
 *               | …
 *   registers that KVM_CAP_SYNC_REGS hands over
 *   data of I/O
 * </pre>
 */
public final class VcpuRun {
  /** To hand over: the general-purpose registers. */
  public static final long SYNC_REGS = 1;

  /** To hand over: the special registers. */
  public static final long SYNC_SREGS = 1 << 1;

  /** To hand over: pending events. */
  public static final long SYNC_EVENTS = 1 << 2;

  private static final long IMMEDIATE_EXIT = offset(KVM_RUN, "immediate_exit");
  private static final long EXIT_REASON = offset(KVM_RUN, "exit_reason");
  private static final long IO_DIRECTION = offset(KVM_RUN, "io", "direction");
  private static final long IO_SIZE = offset(KVM_RUN, "io", "size");
  private static final long IO_PORT = offset(KVM_RUN, "io", "port");
  private static final long IO_COUNT = offset(KVM_RUN, "io", "count");
  private static final long IO_DATA_OFFSET = offset(KVM_RUN, "io", "data_offset");
  private static final long MMIO_ADDRESS = offset(KVM_RUN, "mmio", "phys_addr");
  private static final long MMIO_DATA = offset(KVM_RUN, "mmio", "data");
  private static final long MMIO_LENGTH = offset(KVM_RUN, "mmio", "len");
  private static final long MMIO_IS_WRITE = offset(KVM_RUN, "mmio", "is_write");
  private static final long FAIL_REASON =
      offset(KVM_RUN, "fail_entry", "hardware_entry_failure_reason");
  private static final long SUBERROR = offset(KVM_RUN, "internal", "suberror");
  private static final long INTERNAL_COUNT = offset(KVM_RUN, "internal", "ndata");
  private static final long INTERNAL_DATA = offset(KVM_RUN, "internal", "data");
  private static final long SYSTEM_EVENT_TYPE = offset(KVM_RUN, "system_event", "type");
  private static final long VALID_REGS = offset(KVM_RUN, "kvm_valid_regs");
  private static final long DIRTY_REGS = offset(KVM_RUN, "kvm_dirty_regs");
  private static final long SYNC = offset(KVM_RUN, "s");

  private static final int DIRECTION_OUT = 1;

  private final MemorySegment page;
  private final Regs regs;
  private final Sregs sregs;
  private final VcpuEvents events;

  VcpuRun(Mapping shared) {
    page = shared.segment();
    long at = SYNC;
    regs = new Regs(page.asSlice(at, RegisterStructs.KVM_REGS.byteSize()));
    at += regs.byteSize();
    sregs = new Sregs(page.asSlice(at, RegisterStructs.KVM_SREGS.byteSize()));
    at += sregs.byteSize();
    events = new VcpuEvents(page.asSlice(at, EventStructs.KVM_VCPU_EVENTS.byteSize()));
  }

  /**
   * Why KVM_RUN returned. Valid after it returned 0.
   *
   * @return a constant of {@link ExitReason}, or another number
   */
  public int exitReason() {
    return page.get(JAVA_INT, EXIT_REASON);
  }

  /** Whether KVM says that a signal has ended the run: it says so once for each. */
  boolean takeInterruption() {
    if (exitReason() != ExitReason.INTR) {
      return false;
    }
    page.set(JAVA_INT, EXIT_REASON, ExitReason.UNKNOWN);
    return true;
  }

  /**
   * Makes the next KVM_RUN complete what is pending and return EINTR before the guest runs.
   *
   * @param immediate whether to
   */
  public void setImmediateExit(boolean immediate) {
    page.set(JAVA_BYTE, IMMEDIATE_EXIT, (byte) (immediate ? 1 : 0));
  }

  /**
   * Of I/O: the direction.
   *
   * @return whether the guest writes
   */
  public boolean ioIsWrite() {
    return page.get(JAVA_BYTE, IO_DIRECTION) == DIRECTION_OUT;
  }

  /**
   * Of I/O: the width.
   *
   * @return 1, 2 or 4 bytes
   */
  public int ioByteCount() {
    return page.get(JAVA_BYTE, IO_SIZE);
  }

  /**
   * Of I/O: the port.
   *
   * @return from 0 to 65,535
   */
  public int ioPort() {
    return Short.toUnsignedInt(page.get(JAVA_SHORT, IO_PORT));
  }

  /**
   * Of I/O: how often, for string instructions.
   *
   * @return at least 1
   */
  public int ioCount() {
    return page.get(JAVA_INT, IO_COUNT);
  }

  /**
   * Of I/O: a value that the guest writes.
   *
   * @param index from 0 to one less than {@link #ioCount()}
   * @return the value, zero-extended
   */
  public long ioValue(int index) {
    int byteCount = ioByteCount();
    return get(ioData(index, byteCount), byteCount);
  }

  /**
   * Of I/O: answers a value that the guest reads.
   *
   * @param index from 0 to one less than {@link #ioCount()}
   * @param value the value
   */
  public void setIoValue(int index, long value) {
    int byteCount = ioByteCount();
    set(ioData(index, byteCount), byteCount, value);
  }

  private long ioData(int index, int byteCount) {
    return page.get(JAVA_LONG, IO_DATA_OFFSET) + (long) index * byteCount;
  }

  /**
   * Of MMIO: the address.
   *
   * @return the guest physical address
   */
  public long mmioAddress() {
    return page.get(JAVA_LONG, MMIO_ADDRESS);
  }

  /**
   * Of MMIO: the width.
   *
   * @return 1, 2, 4 or 8 bytes
   */
  public int mmioByteCount() {
    return page.get(JAVA_INT, MMIO_LENGTH);
  }

  /**
   * Of MMIO: the direction.
   *
   * @return whether the guest writes
   */
  public boolean mmioIsWrite() {
    return page.get(JAVA_BYTE, MMIO_IS_WRITE) != 0;
  }

  /**
   * Of MMIO: the value that the guest writes.
   *
   * @return the value, zero-extended
   */
  public long mmioValue() {
    return get(MMIO_DATA, mmioByteCount());
  }

  /**
   * Of MMIO: answers the value that the guest reads.
   *
   * @param value the value
   */
  public void setMmioValue(long value) {
    set(MMIO_DATA, mmioByteCount(), value);
  }

  private long get(long at, int byteCount) {
    return switch (byteCount) {
      case 1 -> Byte.toUnsignedLong(page.get(JAVA_BYTE, at));
      case 2 -> Short.toUnsignedLong(page.get(JAVA_SHORT_UNALIGNED, at));
      case 4 -> Integer.toUnsignedLong(page.get(JAVA_INT_UNALIGNED, at));
      default -> page.get(JAVA_LONG_UNALIGNED, at);
    };
  }

  private void set(long at, int byteCount, long value) {
    switch (byteCount) {
      case 1 -> page.set(JAVA_BYTE, at, (byte) value);
      case 2 -> page.set(JAVA_SHORT_UNALIGNED, at, (short) value);
      case 4 -> page.set(JAVA_INT_UNALIGNED, at, (int) value);
      default -> page.set(JAVA_LONG_UNALIGNED, at, value);
    }
  }

  /**
   * Of a refused entry: the hardware's reason.
   *
   * @return the reason, as the processor's manual numbers it
   */
  public long failEntryReason() {
    return page.get(JAVA_LONG, FAIL_REASON);
  }

  /**
   * Of an internal error: what kind.
   *
   * @return 1 for an instruction that could not be emulated; others as the kernel numbers them
   */
  public int internalSuberror() {
    return page.get(JAVA_INT, SUBERROR);
  }

  /**
   * Of an internal error: details, as far as the kernel gives them.
   *
   * @return words whose meaning depends on the kind
   */
  public long[] internalData() {
    int count = Math.clamp(page.get(JAVA_INT, INTERNAL_COUNT), 0, 16);
    return page.asSlice(INTERNAL_DATA, (long) count * Long.BYTES).toArray(JAVA_LONG);
  }

  /**
   * Of a system event: what kind.
   *
   * @return 1 for power-off, 2 for reset, 3 for a crash
   */
  public int systemEventType() {
    return page.get(JAVA_INT, SYSTEM_EVENT_TYPE);
  }

  /**
   * Chooses what is handed over with every exit (KVM_CAP_SYNC_REGS).
   *
   * @param sets {@code SYNC_} bits
   */
  public void setValidRegs(long sets) {
    page.set(JAVA_LONG, VALID_REGS, sets);
  }

  /**
   * Tells KVM to take over, at the next run, what was changed here.
   *
   * @param sets {@code SYNC_} bits
   */
  public void setDirtyRegs(long sets) {
    page.set(JAVA_LONG, DIRTY_REGS, sets);
  }

  /**
   * The general-purpose registers, where they are handed over.
   *
   * @return a view of the shared page
   */
  public Regs syncedRegs() {
    return regs;
  }

  /**
   * The special registers, where they are handed over.
   *
   * @return a view of the shared page
   */
  public Sregs syncedSregs() {
    return sregs;
  }

  /**
   * The pending events, where they are handed over.
   *
   * @return a view of the shared page
   */
  public VcpuEvents syncedEvents() {
    return events;
  }
}
