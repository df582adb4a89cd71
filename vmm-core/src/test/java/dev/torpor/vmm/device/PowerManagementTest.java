package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PowerManagementTest {
  private int powerOffs;
  private int resets;
  private final Bus bus = new Bus("I/O port");
  private final PowerManagement power = new PowerManagement(() -> powerOffs++, () -> resets++);

  @BeforeEach
  void attach() {
    power.attachTo(bus);
  }

  @Test
  void sleepTypeFiveWithSleepEnableSwitchesOff() {
    bus.write(0x604, 2, 5 << 10);
    assertThat(powerOffs).as("without SLP_EN").isZero();
    bus.write(0x604, 2, 1 << 10 | 1 << 13);
    assertThat(powerOffs).as("another sleep type").isZero();
    bus.write(0x604, 2, 5 << 10 | 1 << 13);
    assertThat(powerOffs).isEqualTo(1);
  }

  @Test
  void machineIsAlwaysInAcpiModeAndSleepEnableReadsAsZero() {
    assertThat(bus.read(0x604, 2)).isEqualTo(1);
    bus.write(0x604, 2, 1 << 13 | 1 << 10);
    assertThat(bus.read(0x604, 2)).isEqualTo(1 << 10 | 1);
  }

  @Test
  void enableIsStoredAndStatusNeverSet() {
    bus.write(0x600, 4, 0x0321_ffff);
    assertThat(bus.read(0x600, 4)).isEqualTo(0x0321_0000);
  }

  @Test
  void resetValueOfTheFadtResets() {
    bus.write(PowerManagement.RESET_PORT, 1, PowerManagement.RESET_VALUE);
    assertThat(resets).isEqualTo(1);
  }

  @Test
  void resetNeedsARisingEdge() {
    bus.write(0xcf9, 1, 0x02);
    assertThat(resets).isZero();
    assertThat(bus.read(0xcf9, 1)).isEqualTo(0x02);
    bus.write(0xcf9, 1, 0x0e);
    assertThat(resets).isEqualTo(1);
  }

  @Test
  void neighboursOfTheResetPortAreSomebodyElses() {
    bus.write(0xcf8, 4, 0x8000_0600L);
    assertThat(resets).isZero();
    assertThat(bus.read(0xcf8, 4)).isEqualTo(0xffff_ffffL);
  }

  @Test
  void stateComesBack() {
    bus.write(0x602, 2, 0x0101);
    bus.write(0x604, 2, 2 << 10);
    bus.write(0xcf9, 1, 0x0a);
    PowerManagement restored = new PowerManagement(() -> {}, () -> {});
    restored.restore(power.capture());
    assertThat(restored.capture()).isEqualTo(new PowerManagementState(0, 0x0101, 2 << 10, 0x0a));
  }
}
