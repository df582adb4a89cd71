package dev.torpor.vmm.device;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class SerialPortTest {
  private static final int DATA = 0;
  private static final int IER = 1;
  private static final int IIR = 2;
  private static final int FCR = 2;
  private static final int LCR = 3;
  private static final int MCR = 4;
  private static final int LSR = 5;
  private static final int MSR = 6;
  private static final int SCR = 7;
  private static final int OUT2 = 0x08;
  private static final int LOOPBACK = 0x10;

  private final ByteArrayOutputStream printed = new ByteArrayOutputStream();
  private int edges;
  private final SerialPort port = newPort();

  private SerialPort newPort() {
    return new SerialPort(() -> edges++, value -> printed.write(value));
  }

  private void write(int register, int value) {
    port.write(register, 1, value);
  }

  private int read(int register) {
    return (int) port.read(register, 1);
  }

  private void type(String text) {
    assertThat(port.offer(text.getBytes(US_ASCII), 0, text.length())).isEqualTo(text.length());
  }

  @Test
  void bytesThatTheGuestWritesArePrintedInOrder() {
    for (char c : "torpor\n".toCharArray()) {
      assertThat(read(LSR)).isEqualTo(0x60);
      write(DATA, c);
    }
    assertThat(printed.toString(US_ASCII)).isEqualTo("torpor\n");
  }

  @Test
  void divisorLatchHidesDataAndInterruptEnable() {
    write(IER, 0x0f);
    write(LCR, 0x83);
    write(DATA, 0x34);
    write(IER, 0x12);
    assertThat(port.read(DATA, 2)).isEqualTo(0x1234);
    write(LCR, 0x03);
    assertThat(read(IER)).isEqualTo(0x0f);
    assertThat(printed.size()).isZero();
  }

  @Test
  void enabledFifosIdentifyTheChipAs16550A() {
    assertThat(read(IIR)).isEqualTo(0x01);
    write(FCR, 0x01);
    assertThat(read(IIR)).isEqualTo(0xc1);
    write(LCR, 0xbf);
    assertThat(read(IIR)).as("no enhanced feature register").isEqualTo(0xc1);
    write(LCR, 0);
    write(IER, 0x4f);
    assertThat(read(IER)).as("no sleep mode").isEqualTo(0x0f);
    write(SCR, 0xa5);
    assertThat(read(SCR)).isEqualTo(0xa5);
  }

  @Test
  void loopbackWiresTheModemOutputsToTheInputs() {
    write(MCR, LOOPBACK | 0x0a);
    assertThat(read(MSR) & 0xf0).as("RTS and OUT2 are CTS and DCD").isEqualTo(0x90);
    write(MCR, LOOPBACK | 0x05);
    assertThat(read(MSR) & 0xf0).as("DTR and OUT1 are DSR and RI").isEqualTo(0x60);
    write(MCR, OUT2);
    assertThat(read(MSR)).as("a terminal; all but DSR changed").isEqualTo(0xbd);
    assertThat(read(MSR)).isEqualTo(0xb0);
  }

  @Test
  void loopbackFifoHoldsSixteenBytesAndReportsOverrunOnce() {
    type("from outside");
    write(FCR, 0x07);
    while ((read(LSR) & 1) != 0) {
      read(DATA);
    }
    write(MCR, LOOPBACK);
    for (int i = 0; i < 256; i++) {
      write(DATA, i);
    }
    type("more");
    assertThat(read(LSR)).isEqualTo(0x63);
    assertThat(read(LSR)).isEqualTo(0x61);
    for (int i = 0; i < 16; i++) {
      assertThat(read(DATA)).isEqualTo(i);
    }
    assertThat(read(LSR)).as("the wire is cut off").isEqualTo(0x60);
    assertThat(printed.size()).isZero();
    write(MCR, 0);
    assertThat(read(DATA)).isEqualTo('m');
  }

  @Test
  void transmitterInterruptComesAgainEachTimeItIsEnabled() {
    write(MCR, OUT2);
    for (int round = 1; round <= 2; round++) {
      write(IER, 0x02);
      assertThat(edges).isEqualTo(round);
      assertThat(read(IIR)).isEqualTo(0x02);
      assertThat(read(IIR)).as("reading acknowledges").isEqualTo(0x01);
      write(IER, 0);
    }
  }

  @Test
  void transmitterInterruptComesAgainAfterEachByteThatFollowsItsAcknowledgement() {
    write(MCR, OUT2);
    write(IER, 0x02);
    read(IIR);
    write(DATA, 'a');
    assertThat(edges).isEqualTo(2);
    write(DATA, 'b');
    assertThat(edges).as("still pending: no second edge").isEqualTo(2);
    assertThat(read(IIR)).isEqualTo(0x02);
  }

  @Test
  void receiveInterruptStaysUntilTheLastByteIsRead() {
    write(MCR, OUT2);
    write(FCR, 0x81);
    write(IER, 0x01);
    type("12345678");
    assertThat(edges).isEqualTo(1);
    assertThat(read(IIR)).as("trigger level of 8").isEqualTo(0xc4);
    read(DATA);
    assertThat(read(IIR)).as("timeout below the level").isEqualTo(0xcc);
    for (int i = 1; i < 8; i++) {
      assertThat(read(IIR) & 0x0f).isNotEqualTo(1);
      read(DATA);
    }
    assertThat(read(IIR)).isEqualTo(0xc1);
    type("9");
    assertThat(edges).isEqualTo(2);
  }

  @Test
  void mostUrgentInterruptIsReportedFirst() {
    write(MCR, OUT2 | LOOPBACK);
    write(MCR, OUT2);
    write(IER, 0x0f);
    port.offerBreak();
    assertThat(read(IIR)).isEqualTo(0x06);
    assertThat(read(LSR)).isEqualTo(0x71);
    assertThat(read(IIR)).isEqualTo(0x04);
    assertThat(read(DATA)).isZero();
    assertThat(read(IIR)).isEqualTo(0x02);
    assertThat(read(IIR)).isEqualTo(0x00);
    read(MSR);
    assertThat(read(IIR)).isEqualTo(0x01);
    assertThat(edges).isEqualTo(1);
  }

  @Test
  void interruptReachesThePcOnlyThroughOut2() {
    write(IER, 0x02);
    assertThat(edges).isZero();
    write(MCR, OUT2);
    assertThat(edges).isEqualTo(1);
  }

  @Test
  void restoredPortStillOwesItsTransmitterInterrupt() {
    write(MCR, OUT2);
    write(IER, 0x02);
    SerialPortState state = port.capture();
    SerialPort other = newPort();
    edges = 0;
    other.restore(state);
    assertThat(edges).isEqualTo(1);
    assertThat(other.read(IIR, 1)).isEqualTo(0x02);
  }

  @Test
  void restoredPortDoesNotInventAnInterruptThatWasAcknowledged() {
    write(MCR, OUT2);
    write(IER, 0x02);
    read(IIR);
    SerialPort other = newPort();
    edges = 0;
    other.restore(port.capture());
    assertThat(edges).isZero();
    assertThat(other.read(IIR, 1)).isEqualTo(0x01);
  }

  @Test
  void inputBeyondTheBufferIsRefusedUntilTheGuestReads() {
    byte[] paste = new byte[10_000];
    assertThat(port.offer(paste, 0, paste.length)).isEqualTo(SerialPort.WAITING_BYTES);
    assertThat(port.offer(paste, 0, paste.length)).as("one byte went to the FIFO").isEqualTo(1);
    assertThat(port.offer(paste, 0, paste.length)).isZero();
    read(DATA);
    assertThat(port.offer(paste, 0, paste.length)).isEqualTo(1);
  }

  @Test
  void registersBehindTheLastReadAsAllOnes() {
    assertThat(port.read(7, 4)).isEqualTo(0xffff_ff00L);
    port.write(7, 8, -1);
    assertThat(read(SCR)).isEqualTo(0xff);
  }

  /** Whatever the guest does with the FIFO, input arrives whole and in order. */
  @Property
  void everyByteTakenArrivesOnceAndInOrder(
      @ForAll @Size(max = 200) int[] offers, @ForAll @IntRange(max = 3) int trigger) {
    SerialPort fresh = newPort();
    fresh.write(FCR, 1, 0x01 | trigger << 6);
    Deque<Byte> expected = new ArrayDeque<>();
    byte next = 0;
    for (int offer : offers) {
      byte[] chunk = new byte[Math.floorMod(offer, 40)];
      for (int i = 0; i < chunk.length; i++) {
        chunk[i] = next++;
        expected.add(chunk[i]);
      }
      assertThat(fresh.offer(chunk, 0, chunk.length)).isEqualTo(chunk.length);
      for (int reads = Math.floorMod(offer, 50); reads > 0 && !expected.isEmpty(); reads--) {
        assertThat((byte) fresh.read(DATA, 1)).isEqualTo(expected.remove());
      }
      assertThat(fresh.read(LSR, 1) & 1).isEqualTo(expected.isEmpty() ? 0 : 1);
    }
  }

  /** A port and its restored copy cannot be told apart by anything that the guest does. */
  @Property
  void restoredPortBehavesAsTheOneThatWasCaptured(
      @ForAll @Size(max = 60) int[] before, @ForAll @Size(max = 60) int[] after) {
    SerialPort original = new SerialPort(() -> {}, SerialOutput.NONE);
    for (int access : before) {
      apply(original, access);
    }
    SerialPort copy = new SerialPort(() -> {}, SerialOutput.NONE);
    copy.restore(original.capture());
    for (int access : after) {
      assertThat(apply(copy, access)).isEqualTo(apply(original, access));
    }
    assertThat(copy.capture()).isEqualTo(original.capture());
  }

  private static long apply(SerialPort port, int access) {
    int register = access & 7;
    int value = access >>> 8 & 0xff;
    switch (access >>> 4 & 3) {
      case 0 -> port.offer(new byte[] {(byte) value, 1, 2}, 0, 3);
      case 1 -> port.write(register, 1, value);
      default -> {
        return port.read(register, 1);
      }
    }
    return 0;
  }
}
