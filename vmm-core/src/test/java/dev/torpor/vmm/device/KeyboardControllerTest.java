package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KeyboardControllerTest {
  private int resets;
  private final Bus bus = new Bus("I/O port");
  private final KeyboardController controller = new KeyboardController(() -> resets++);

  @BeforeEach
  void attach() {
    controller.attachTo(bus);
  }

  private void command(int value) {
    bus.write(0x64, 1, value);
  }

  private long answer() {
    assertThat(bus.read(0x64, 1) & 1).as("output buffer full").isEqualTo(1);
    long value = bus.read(0x60, 1);
    assertThat(bus.read(0x64, 1) & 1).as("output buffer full").isZero();
    return value;
  }

  @Test
  void command0xfeResetsTheMachineAndOthersDoNot() {
    for (int value = 0; value <= 0xfd; value++) {
      if (value < 0xf0 || value % 2 != 0) {
        command(value);
      }
    }
    assertThat(resets).isZero();
    command(0xfe);
    assertThat(resets).isEqualTo(1);
  }

  @Test
  void outputPortResetsTheMachineWhereItsLowestBitIsCleared() {
    command(0xd1);
    bus.write(0x60, 1, 0xdf);
    assertThat(resets).isZero();
    command(0xd1);
    bus.write(0x60, 1, 0xfe);
    assertThat(resets).isEqualTo(1);
  }

  @Test
  void probesAreAnsweredAtOnce() {
    command(0xaa);
    assertThat(answer()).isEqualTo(0x55);
    command(0x20);
    assertThat(answer()).as("tested, both ports off").isEqualTo(0x34);
    command(0x60);
    bus.write(0x60, 1, 0x47);
    command(0x20);
    assertThat(answer()).isEqualTo(0x47);
  }

  @Test
  void mousePortIsAbsent() {
    command(0xd3);
    bus.write(0x60, 1, 0x5a);
    assertThat(bus.read(0x64, 1) & 0x20).as("not from the mouse").isZero();
    answer();
    command(0xa9);
    assertThat(answer()).isEqualTo(0x01);
  }

  @Test
  void inputBufferIsNeverFull() {
    for (int value = 0; value < 0xf0; value++) {
      command(value);
      assertThat(bus.read(0x64, 1) & 2).isZero();
      bus.write(0x60, 1, 0xff);
      assertThat(bus.read(0x64, 1) & 2).isZero();
    }
  }

  @Test
  void restoredControllerFinishesTheCommandThatWasBegun() {
    command(0x60);
    KeyboardControllerState state = controller.capture();
    KeyboardController restored = new KeyboardController(() -> resets++);
    restored.restore(state);
    assertThat(restored.capture()).isEqualTo(state);
    Bus other = new Bus("I/O port");
    restored.attachTo(other);
    other.write(0x60, 1, 0x12);
    other.write(0x64, 1, 0x20);
    assertThat(other.read(0x60, 1)).isEqualTo(0x12);
  }
}
