package dev.torpor.kvm;

import static dev.torpor.kvm.abi.InterruptStructs.KVM_IRQCHIP;
import static java.lang.foreign.ValueLayout.JAVA_INT;

/** The state of one of a VM's three interrupt chips (section 4.26). */
public final class IrqChip extends KvmStruct {
  /** Which chip. */
  public enum Id {
    /** The first 8259A. */
    PIC_MASTER(0),
    /** The second 8259A. */
    PIC_SLAVE(1),
    /** The I/O APIC. */
    IO_APIC(2);

    final int number;

    Id(int number) {
      this.number = number;
    }
  }

  /**
   * A chip's state, all zero.
   *
   * @param id which chip
   */
  public IrqChip(Id id) {
    super(KVM_IRQCHIP);
    segment().set(JAVA_INT, 0, id.number);
  }
}
