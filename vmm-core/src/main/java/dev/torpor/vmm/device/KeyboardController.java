package dev.torpor.vmm.device;

import java.util.Objects;

/**
 * A PC's i8042 keyboard controller with no keyboard and no mouse: it is here because writing 0xfe
 * to its command port is how a PC is reset.
 *
 * <p>The commands with which systems probe for it are answered at once, so that none waits for a
 * timeout: the controller works, its second port does not. It raises no interrupts. Source: the
 * data sheet of Intel's UPI-41 family with IBM's PC/AT program.
 */
public final class KeyboardController {
  /** The I/O port of data. */
  public static final int DATA_PORT = 0x60;

  /** The I/O port of commands and of the status. */
  public static final int COMMAND_PORT = 0x64;

  private static final int STATUS_OUTPUT_FULL = 0x01;
  private static final int STATUS_SYSTEM = 0x04;
  private static final int STATUS_COMMAND = 0x08;
  private static final int STATUS_UNLOCKED = 0x10;

  private static final int CONFIGURATION_SYSTEM = 0x04;
  private static final int CONFIGURATION_KEYBOARD_OFF = 0x10;
  private static final int CONFIGURATION_MOUSE_OFF = 0x20;

  private static final int READ_CONFIGURATION = 0x20;
  private static final int WRITE_CONFIGURATION = 0x60;
  private static final int MOUSE_OFF = 0xa7;
  private static final int MOUSE_ON = 0xa8;
  private static final int TEST_MOUSE_PORT = 0xa9;
  private static final int TEST_CONTROLLER = 0xaa;
  private static final int TEST_KEYBOARD_PORT = 0xab;
  private static final int KEYBOARD_OFF = 0xad;
  private static final int KEYBOARD_ON = 0xae;
  private static final int READ_OUTPUT_PORT = 0xd0;
  private static final int WRITE_OUTPUT_PORT = 0xd1;
  private static final int LOOP_KEYBOARD = 0xd2;
  private static final int LOOP_MOUSE = 0xd3;
  private static final int PULSE_OUTPUT_PORT = 0xf0;

  private static final int CONTROLLER_PASSED = 0x55;
  private static final int PORT_PASSED = 0x00;
  private static final int PORT_CLOCK_STUCK = 0x01;
  private static final int OUTPUT_PORT_NOT_RESET = 0x01;
  private static final int OUTPUT_PORT_A20 = 0x02;

  private static final int NONE = 0;
  private static final int EMPTY = -1;

  private final Runnable onReset;
  private int configuration = CONFIGURATION_KEYBOARD_OFF | CONFIGURATION_MOUSE_OFF;
  private int awaitingDataOf = NONE;
  private int output = EMPTY;
  private boolean lastWriteWasCommand;

  /**
   * Makes a controller.
   *
   * @param onReset called on a vCPU thread when the guest resets the machine
   */
  public KeyboardController(Runnable onReset) {
    this.onReset = Objects.requireNonNull(onReset);
  }

  /**
   * Attaches the two ports, which are no neighbours.
   *
   * @param ioPorts the bus of I/O ports
   */
  public void attachTo(Bus ioPorts) {
    ioPorts.attach(DATA_PORT, 1, new DataPort());
    ioPorts.attach(COMMAND_PORT, 1, new CommandPort());
  }

  /**
   * Captures the state.
   *
   * @return what {@link #restore} takes
   */
  public synchronized KeyboardControllerState capture() {
    return new KeyboardControllerState(configuration, awaitingDataOf, output, lastWriteWasCommand);
  }

  /**
   * Goes back to a state.
   *
   * @param state what {@link #capture} gave
   */
  public synchronized void restore(KeyboardControllerState state) {
    configuration = state.configuration() & 0xff;
    awaitingDataOf = state.awaitingDataOf() & 0xff;
    output = state.output() < 0 ? EMPTY : state.output() & 0xff;
    lastWriteWasCommand = state.lastWriteWasCommand();
  }

  private synchronized int status() {
    return STATUS_UNLOCKED
        | (output == EMPTY ? 0 : STATUS_OUTPUT_FULL)
        | ((configuration & CONFIGURATION_SYSTEM) == 0 ? 0 : STATUS_SYSTEM)
        | (lastWriteWasCommand ? STATUS_COMMAND : 0);
  }

  private synchronized int takeOutput() {
    int value = output == EMPTY ? 0 : output;
    output = EMPTY;
    return value;
  }

  /** Returns whether the command resets the machine. */
  private synchronized boolean command(int command) {
    lastWriteWasCommand = true;
    awaitingDataOf = NONE;
    switch (command) {
      case READ_CONFIGURATION -> output = configuration;
      case WRITE_CONFIGURATION, WRITE_OUTPUT_PORT, LOOP_KEYBOARD, LOOP_MOUSE ->
          awaitingDataOf = command;
      case MOUSE_OFF -> configuration |= CONFIGURATION_MOUSE_OFF;
      case MOUSE_ON -> configuration &= ~CONFIGURATION_MOUSE_OFF;
      case TEST_MOUSE_PORT -> output = PORT_CLOCK_STUCK;
      case TEST_CONTROLLER -> {
        configuration |= CONFIGURATION_SYSTEM;
        output = CONTROLLER_PASSED;
      }
      case TEST_KEYBOARD_PORT -> output = PORT_PASSED;
      case KEYBOARD_OFF -> configuration |= CONFIGURATION_KEYBOARD_OFF;
      case KEYBOARD_ON -> configuration &= ~CONFIGURATION_KEYBOARD_OFF;
      case READ_OUTPUT_PORT -> output = OUTPUT_PORT_NOT_RESET | OUTPUT_PORT_A20;
      default -> {
        // Pulses low those lines of the output port whose bit is 0; the lowest resets.
        return command >= PULSE_OUTPUT_PORT && (command & OUTPUT_PORT_NOT_RESET) == 0;
      }
    }
    return false;
  }

  /** Returns whether the byte resets the machine. Bytes for the keyboard reach nobody. */
  private synchronized boolean data(int value) {
    int command = awaitingDataOf;
    lastWriteWasCommand = false;
    awaitingDataOf = NONE;
    switch (command) {
      case WRITE_CONFIGURATION -> configuration = value;
      // Looped through the mouse's port too, a byte comes back as the keyboard's: no mouse there.
      case LOOP_KEYBOARD, LOOP_MOUSE -> output = value;
      case WRITE_OUTPUT_PORT -> {
        return (value & OUTPUT_PORT_NOT_RESET) == 0;
      }
      default -> {}
    }
    return false;
  }

  private final class DataPort extends ByteRegisters {
    @Override
    int readByte(int register) {
      return register == 0 ? takeOutput() : NOTHING;
    }

    @Override
    void writeByte(int register, int value) {
      if (register == 0 && data(value)) {
        onReset.run();
      }
    }
  }

  private final class CommandPort extends ByteRegisters {
    @Override
    int readByte(int register) {
      return register == 0 ? status() : NOTHING;
    }

    @Override
    void writeByte(int register, int value) {
      if (register == 0 && command(value)) {
        onReset.run();
      }
    }
  }
}
