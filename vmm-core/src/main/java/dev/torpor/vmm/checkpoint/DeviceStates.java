package dev.torpor.vmm.checkpoint;

import dev.torpor.vmm.device.DoorbellState;
import dev.torpor.vmm.device.KeyboardControllerState;
import dev.torpor.vmm.device.PowerManagementState;
import dev.torpor.vmm.device.RealTimeClockState;
import dev.torpor.vmm.device.SerialPortState;
import dev.torpor.vmm.device.virtio.VirtioMmioState;
import java.util.List;
import java.util.Optional;

/**
 * The states of a machine's devices. Which there are follows from its {@link PlatformKind}.
 *
 * @param serial the serial port, of a Linux guest
 * @param realTimeClock the real-time clock, of a Linux guest
 * @param keyboard the keyboard controller, of a Linux guest
 * @param power the power management, of a Linux guest
 * @param doorbell the doorbell, of a flat guest
 * @param virtio the transports, in the order of their addresses
 */
public record DeviceStates(
    Optional<SerialPortState> serial,
    Optional<RealTimeClockState> realTimeClock,
    Optional<KeyboardControllerState> keyboard,
    Optional<PowerManagementState> power,
    Optional<DoorbellState> doorbell,
    List<VirtioMmioState> virtio) {

  /** Copies the list. */
  public DeviceStates {
    virtio = List.copyOf(virtio);
  }
}
