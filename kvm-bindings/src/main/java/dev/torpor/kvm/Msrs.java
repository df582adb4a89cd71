package dev.torpor.kvm;

import static dev.torpor.kvm.abi.FeatureStructs.KVM_MSRS;
import static dev.torpor.kvm.abi.FeatureStructs.KVM_MSR_ENTRY;
import static dev.torpor.linux.abi.Abi.offset;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.Errno;
import java.util.Objects;

/**
 * Model-specific registers with their values (section 4.18).
 *
 * <p>The kernel stops at the first register that it cannot read or write, and tells how many it
 * did: reading and writing here fail unless all were done, and name the one that was not.
 */
public final class Msrs extends KvmStruct {
  private static final long ENTRIES = KVM_MSRS.byteSize();
  private static final long ENTRY_BYTES = KVM_MSR_ENTRY.byteSize();
  private static final long DATA = offset(KVM_MSR_ENTRY, "data");

  private final int count;

  /**
   * A list of the given registers, their values zero.
   *
   * @param indices the registers
   */
  public Msrs(int... indices) {
    super(ENTRIES + indices.length * ENTRY_BYTES);
    this.count = indices.length;
    segment().set(JAVA_INT, 0, count);
    for (int i = 0; i < count; i++) {
      segment().set(JAVA_INT, ENTRIES + i * ENTRY_BYTES, indices[i]);
    }
  }

  /**
   * How many registers there are.
   *
   * @return their number
   */
  public int count() {
    return count;
  }

  /**
   * The index of a register.
   *
   * @param position from 0 to one less than {@link #count()}
   * @return the register's index
   */
  public int index(int position) {
    return segment().get(JAVA_INT, entry(position));
  }

  /**
   * The value of a register.
   *
   * @param position from 0 to one less than {@link #count()}
   * @return the value
   */
  public long value(int position) {
    return segment().get(JAVA_LONG, entry(position) + DATA);
  }

  /**
   * Sets the value of a register, in this list.
   *
   * @param position from 0 to one less than {@link #count()}
   * @param value the value
   */
  public void setValue(int position, long value) {
    segment().set(JAVA_LONG, entry(position) + DATA, value);
  }

  /** Fails unless the kernel did all registers. */
  void requireAll(String request, int done) {
    if (done != count) {
      throw new KvmException(
          request,
          Errno.EIO,
          "MSR 0x%x is refused; %d of %d done".formatted(index(done), done, count));
    }
  }

  private long entry(int position) {
    return ENTRIES + Objects.checkIndex(position, count) * ENTRY_BYTES;
  }
}
