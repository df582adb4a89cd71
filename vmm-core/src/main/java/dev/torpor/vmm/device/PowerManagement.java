package dev.torpor.vmm.device;

import java.util.Objects;

/**
 * What a guest needs to switch its machine off, or to reset it: the fixed registers of ACPI, and
 * the chipset's reset control register.
 *
 * <p>Nothing here raises events: there is no power button, so no interrupt either. Source: ACPI
 * specification 6.5, 4.8.3 (PM1 registers) and 4.8.3.6 (reset register).
 */
public final class PowerManagement {
  /** The first I/O port of the PM1a event block: status, then enable, 16 bits each. */
  public static final int EVENT_PORT = 0x600;

  /** The length of the event block, in ports. */
  public static final int EVENT_PORT_COUNT = 4;

  /** The first I/O port of the PM1a control block. */
  public static final int CONTROL_PORT = 0x604;

  /** The length of the control block, in ports. */
  public static final int CONTROL_PORT_COUNT = 2;

  /** The I/O port of the reset control register. */
  public static final int RESET_PORT = 0xcf9;

  /** What to write to the reset port for a full reset. */
  public static final int RESET_VALUE = 0x06;

  /** The sleep type that switches the machine off. */
  public static final int SOFT_OFF_SLEEP_TYPE = 5;

  private static final int SCI_ENABLED = 1;
  private static final int SLEEP_TYPE_SHIFT = 10;
  private static final int SLEEP_TYPE_MASK = 7;
  private static final int SLEEP_ENABLE = 1 << 13;
  private static final int RESET_CPU = 0x04;

  private final Runnable onPowerOff;
  private final Runnable onReset;
  private int status;
  private int enable;
  private int control;
  private int resetControl;

  /**
   * Makes the registers of a running machine.
   *
   * @param onPowerOff called on a vCPU thread when the guest switches the machine off
   * @param onReset called on a vCPU thread when the guest resets the machine
   */
  public PowerManagement(Runnable onPowerOff, Runnable onReset) {
    this.onPowerOff = Objects.requireNonNull(onPowerOff);
    this.onReset = Objects.requireNonNull(onReset);
  }

  /**
   * Attaches the registers where the FADT says they are.
   *
   * @param ioPorts the bus of I/O ports
   */
  public void attachTo(Bus ioPorts) {
    ioPorts.attach(EVENT_PORT, EVENT_PORT_COUNT + CONTROL_PORT_COUNT, new Pm1Registers());
    ioPorts.attach(RESET_PORT, 1, new ResetRegister());
  }

  /**
   * Captures the registers.
   *
   * @return what {@link #restore} takes
   */
  public synchronized PowerManagementState capture() {
    return new PowerManagementState(status, enable, control, resetControl);
  }

  /**
   * Goes back to a state.
   *
   * @param state what {@link #capture} gave
   */
  public synchronized void restore(PowerManagementState state) {
    status = state.status() & 0xffff;
    enable = state.enable() & 0xffff;
    control = state.control() & 0xffff;
    resetControl = state.resetControl() & 0xff;
  }

  private synchronized int readPm1(int register) {
    return switch (register) {
      case 0, 1 -> byteOf(status, register);
      case 2, 3 -> byteOf(enable, register - 2);
      // The machine is always in ACPI mode, and SLP_EN is write-only.
      case 4, 5 -> byteOf((control & ~SLEEP_ENABLE) | SCI_ENABLED, register - 4);
      default -> ByteRegisters.NOTHING;
    };
  }

  /** Returns whether the write switches the machine off. */
  private synchronized boolean writePm1(int register, int value) {
    switch (register) {
      case 0, 1 -> status &= ~(value << (register * Byte.SIZE)); // a one clears
      case 2, 3 -> enable = withByte(enable, register - 2, value);
      case 4 -> control = withByte(control, 0, value);
      case 5 -> {
        control = withByte(control, 1, value);
        int sleepType = (control >> SLEEP_TYPE_SHIFT) & SLEEP_TYPE_MASK;
        return (control & SLEEP_ENABLE) != 0 && sleepType == SOFT_OFF_SLEEP_TYPE;
      }
      default -> {}
    }
    return false;
  }

  /** Returns whether the write resets the machine: only a rising edge of RST_CPU does. */
  private synchronized boolean writeReset(int value) {
    boolean rises = (value & ~resetControl & RESET_CPU) != 0;
    resetControl = value & ~RESET_CPU;
    return rises;
  }

  private static int byteOf(int value, int index) {
    return (value >> (index * Byte.SIZE)) & 0xff;
  }

  private static int withByte(int value, int index, int newByte) {
    int shift = index * Byte.SIZE;
    return (value & ~(0xff << shift)) | newByte << shift;
  }

  /** The event and the control block, which are neighbours. */
  private final class Pm1Registers extends ByteRegisters {
    @Override
    int readByte(int register) {
      return readPm1(register);
    }

    @Override
    void writeByte(int register, int value) {
      if (writePm1(register, value)) {
        onPowerOff.run();
      }
    }
  }

  private final class ResetRegister extends ByteRegisters {
    @Override
    int readByte(int register) {
      synchronized (PowerManagement.this) {
        return register == 0 ? resetControl : NOTHING;
      }
    }

    @Override
    void writeByte(int register, int value) {
      if (register == 0 && writeReset(value)) {
        onReset.run();
      }
    }
  }
}
