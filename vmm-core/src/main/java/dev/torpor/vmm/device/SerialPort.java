package dev.torpor.vmm.device;

import java.util.Objects;

/**
 * A PC's serial port: a 16550A UART with FIFOs of 16 bytes.
 *
 * <p>The wire has no speed. Output leaves at once, so the transmitter is always empty; input waits
 * in a buffer of {@value #WAITING_BYTES} bytes until the FIFO has room, so that a pasted text is
 * not lost. What does not fit there is the sender's to offer again.
 *
 * <p>The interrupt output is wired through OUT2, as on every PC, and raises an edge when it becomes
 * active. Source: the data sheet of National Semiconductor's PC16550D.
 */
public final class SerialPort extends ByteRegisters {
  /** The first I/O port of COM1. */
  public static final long COM1 = 0x3f8;

  /** The interrupt of COM1. */
  public static final int COM1_IRQ = 4;

  /** How many I/O ports the UART has. */
  public static final int PORT_COUNT = 8;

  /** How much input waits for room in the FIFO, in bytes. */
  public static final int WAITING_BYTES = 4096;

  private static final int FIFO_BYTES = 16;

  // Registers. The first two are the divisor latch while DLAB is set.
  private static final int DATA = 0;
  private static final int INTERRUPT_ENABLE = 1;
  private static final int INTERRUPT_IDENTITY_OR_FIFO_CONTROL = 2;
  private static final int LINE_CONTROL = 3;
  private static final int MODEM_CONTROL = 4;
  private static final int LINE_STATUS = 5;
  private static final int MODEM_STATUS = 6;
  private static final int SCRATCH = 7;

  private static final int IER_RECEIVED = 0x01;
  private static final int IER_TRANSMITTER_EMPTY = 0x02;
  private static final int IER_LINE_STATUS = 0x04;
  private static final int IER_MODEM_STATUS = 0x08;
  private static final int IER_MASK = 0x0f;

  // Interrupt identities, the most urgent first.
  private static final int IIR_LINE_STATUS = 0x06;
  private static final int IIR_RECEIVED = 0x04;
  private static final int IIR_RECEIVE_TIMEOUT = 0x0c;
  private static final int IIR_TRANSMITTER_EMPTY = 0x02;
  private static final int IIR_MODEM_STATUS = 0x00;
  private static final int IIR_NONE = 0x01;
  private static final int IIR_FIFOS_ENABLED = 0xc0;

  private static final int FCR_ENABLE = 0x01;
  private static final int FCR_CLEAR_RECEIVER = 0x02;
  private static final int FCR_KEPT = 0xc9;

  private static final int LCR_DIVISOR_LATCH = 0x80;

  private static final int MCR_OUT2 = 0x08;
  private static final int MCR_LOOPBACK = 0x10;
  private static final int MCR_MASK = 0x1f;

  private static final int LSR_DATA_READY = 0x01;
  private static final int LSR_OVERRUN = 0x02;
  private static final int LSR_BREAK = 0x10;
  private static final int LSR_ERRORS = 0x1e;
  private static final int LSR_TRANSMITTER_EMPTY = 0x60;

  private static final int MSR_CTS = 0x10;
  private static final int MSR_DSR = 0x20;
  private static final int MSR_RI = 0x40;
  private static final int MSR_DCD = 0x80;
  private static final int MSR_DELTAS = 0x0f;
  private static final int MSR_DELTA_RI = 0x04;

  private final InterruptLine interrupt;
  private final SerialOutput output;
  private final ByteQueue received = new ByteQueue(FIFO_BYTES);
  private final ByteQueue waiting = new ByteQueue(WAITING_BYTES);

  private int interruptEnable;
  private int fifoControl;
  private int lineControl;
  private int modemControl;
  private int lineErrors;
  private int modemDeltas;
  private int scratch;
  private int divisor = 12; // 9600 baud, should anyone ask
  private boolean transmitterEmptyPending;
  private boolean interruptActive;

  /**
   * Makes a port in its state after power-on.
   *
   * @param interrupt raised when the guest is to look at the port
   * @param output takes what the guest prints
   */
  public SerialPort(InterruptLine interrupt, SerialOutput output) {
    this.interrupt = Objects.requireNonNull(interrupt);
    this.output = Objects.requireNonNull(output);
  }

  /**
   * Takes input for the guest, from any thread.
   *
   * @param source the bytes
   * @param offset the first of them
   * @param byteCount how many
   * @return how many were taken; the rest has no room until the guest reads some
   */
  public synchronized int offer(byte[] source, int offset, int byteCount) {
    Objects.checkFromIndexSize(offset, byteCount, source.length);
    int taken = waiting.addAll(source, offset, byteCount);
    refill();
    updateInterrupt();
    return taken;
  }

  /**
   * Lets the guest see a break, which Linux takes as the SysRq key. It overtakes input that waits
   * for room in the FIFO.
   */
  public synchronized void offerBreak() {
    receive((byte) 0);
    lineErrors |= LSR_BREAK;
    updateInterrupt();
  }

  /**
   * Captures the state.
   *
   * @return what {@link #restore} takes
   */
  public synchronized SerialPortState capture() {
    return new SerialPortState(
        interruptEnable,
        fifoControl,
        lineControl,
        modemControl,
        lineErrors,
        modemDeltas,
        scratch,
        divisor,
        transmitterEmptyPending,
        received.capture(),
        waiting.capture());
  }

  /**
   * Goes back to a state. Where its interrupt was active, the edge is raised again: one too many
   * costs the guest a glance, one too few silences the port.
   *
   * @param state what {@link #capture} gave
   */
  public synchronized void restore(SerialPortState state) {
    interruptEnable = state.interruptEnable() & IER_MASK;
    fifoControl = state.fifoControl() & FCR_KEPT;
    lineControl = state.lineControl() & 0xff;
    modemControl = state.modemControl() & MCR_MASK;
    lineErrors = state.lineErrors() & LSR_ERRORS;
    modemDeltas = state.modemDeltas() & MSR_DELTAS;
    scratch = state.scratch() & 0xff;
    divisor = state.divisor() & 0xffff;
    transmitterEmptyPending = state.transmitterEmptyPending();
    received.restore(state.received());
    waiting.restore(state.waiting());
    interruptActive = false;
    updateInterrupt();
  }

  @Override
  synchronized int readByte(int register) {
    int value =
        switch (register) {
          case DATA -> divisorLatchSelected() ? divisor & 0xff : readReceived();
          case INTERRUPT_ENABLE -> divisorLatchSelected() ? divisor >> Byte.SIZE : interruptEnable;
          case INTERRUPT_IDENTITY_OR_FIFO_CONTROL -> readInterruptIdentity();
          case LINE_CONTROL -> lineControl;
          case MODEM_CONTROL -> modemControl;
          case LINE_STATUS -> readLineStatus();
          case MODEM_STATUS -> readModemStatus();
          case SCRATCH -> scratch;
          default -> NOTHING;
        };
    updateInterrupt();
    return value;
  }

  @Override
  synchronized void writeByte(int register, int value) {
    switch (register) {
      case DATA -> {
        if (divisorLatchSelected()) {
          divisor = (divisor & 0xff00) | value;
        } else {
          transmit((byte) value);
        }
      }
      case INTERRUPT_ENABLE -> {
        if (divisorLatchSelected()) {
          divisor = (divisor & 0xff) | (value << Byte.SIZE);
        } else {
          writeInterruptEnable(value & IER_MASK);
        }
      }
      case INTERRUPT_IDENTITY_OR_FIFO_CONTROL -> writeFifoControl(value);
      case LINE_CONTROL -> lineControl = value;
      case MODEM_CONTROL -> writeModemControl(value & MCR_MASK);
      case SCRATCH -> scratch = value;
      default -> {} // the status registers are read-only
    }
    updateInterrupt();
  }

  private boolean divisorLatchSelected() {
    return (lineControl & LCR_DIVISOR_LATCH) != 0;
  }

  private boolean inLoopback() {
    return (modemControl & MCR_LOOPBACK) != 0;
  }

  private int readReceived() {
    if (received.count() == 0) {
      return 0;
    }
    int value = received.remove() & 0xff;
    refill();
    return value;
  }

  /** Reading the identity of a transmitter interrupt is what acknowledges it. */
  private int readInterruptIdentity() {
    int identity = interruptIdentity();
    if (identity == IIR_TRANSMITTER_EMPTY) {
      transmitterEmptyPending = false;
    }
    return identity | (fifosEnabled() ? IIR_FIFOS_ENABLED : 0);
  }

  private int readLineStatus() {
    int status = lineErrors | LSR_TRANSMITTER_EMPTY;
    lineErrors = 0;
    return received.count() == 0 ? status : status | LSR_DATA_READY;
  }

  private int readModemStatus() {
    int status = modemLines(modemControl) | modemDeltas;
    modemDeltas = 0;
    return status;
  }

  /** The byte is gone at once, so the transmitter becomes empty again. */
  private void transmit(byte value) {
    if (inLoopback()) {
      receive(value);
    } else {
      output.accept(value);
    }
    transmitterEmptyPending = true;
  }

  private void receive(byte value) {
    if (received.count() >= receiverBytes()) {
      lineErrors |= LSR_OVERRUN;
    } else {
      received.add(value);
    }
  }

  /** Moves input from the wire into the FIFO. A port in loopback is cut off from the wire. */
  private void refill() {
    while (!inLoopback() && waiting.count() > 0 && received.count() < receiverBytes()) {
      received.add(waiting.remove());
    }
  }

  private boolean fifosEnabled() {
    return (fifoControl & FCR_ENABLE) != 0;
  }

  private int receiverBytes() {
    return fifosEnabled() ? FIFO_BYTES : 1;
  }

  /** Enabling the transmitter interrupt while the transmitter is empty raises it. */
  private void writeInterruptEnable(int value) {
    boolean newlyEnabled = (value & ~interruptEnable & IER_TRANSMITTER_EMPTY) != 0;
    transmitterEmptyPending = newlyEnabled || transmitterEmptyPending;
    interruptEnable = value;
  }

  private void writeFifoControl(int value) {
    boolean switched = ((value ^ fifoControl) & FCR_ENABLE) != 0;
    if (switched || (value & FCR_CLEAR_RECEIVER) != 0) {
      received.clear();
    }
    fifoControl = (value & FCR_ENABLE) == 0 ? 0 : value & FCR_KEPT;
    refill();
  }

  private void writeModemControl(int value) {
    int before = modemLines(modemControl);
    int after = modemLines(value);
    int changed = (before ^ after) >> 4;
    // The ring indicator reports only its end.
    int ringEnded = (before & ~after & MSR_RI) != 0 ? MSR_DELTA_RI : 0;
    modemDeltas |= (changed & ~MSR_DELTA_RI) | ringEnded;
    modemControl = value;
    refill();
  }

  /** A terminal that is always there; or, in loopback, the port's own outputs. */
  private static int modemLines(int modemControl) {
    if ((modemControl & MCR_LOOPBACK) == 0) {
      return MSR_CTS | MSR_DSR | MSR_DCD;
    }
    return ((modemControl & 0x01) << 5) // DTR to DSR
        | ((modemControl & 0x02) << 3) // RTS to CTS
        | ((modemControl & 0x0c) << 4); // OUT1 to RI, OUT2 to DCD
  }

  private int interruptIdentity() {
    if (isEnabled(IER_LINE_STATUS) && lineErrors != 0) {
      return IIR_LINE_STATUS;
    }
    if (isEnabled(IER_RECEIVED) && received.count() > 0) {
      return received.count() >= triggerLevel() ? IIR_RECEIVED : IIR_RECEIVE_TIMEOUT;
    }
    if (isEnabled(IER_TRANSMITTER_EMPTY) && transmitterEmptyPending) {
      return IIR_TRANSMITTER_EMPTY;
    }
    if (isEnabled(IER_MODEM_STATUS) && modemDeltas != 0) {
      return IIR_MODEM_STATUS;
    }
    return IIR_NONE;
  }

  private boolean isEnabled(int source) {
    return (interruptEnable & source) != 0;
  }

  private int triggerLevel() {
    if (!fifosEnabled()) {
      return 1;
    }
    return switch (fifoControl >> 6) {
      case 0 -> 1;
      case 1 -> 4;
      case 2 -> 8;
      default -> 14;
    };
  }

  private void updateInterrupt() {
    boolean connected = (modemControl & (MCR_OUT2 | MCR_LOOPBACK)) == MCR_OUT2;
    boolean active = connected && interruptIdentity() != IIR_NONE;
    if (active && !interruptActive) {
      interrupt.raise();
    }
    interruptActive = active;
  }
}
