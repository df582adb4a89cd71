package dev.torpor.vmm.checkpoint;

import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.device.KeyboardController;
import dev.torpor.vmm.device.PowerManagement;
import dev.torpor.vmm.device.RealTimeClock;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.device.virtio.VirtioMmioTransport;
import java.util.List;
import java.util.Optional;

/**
 * A machine's devices, as far as they have a state.
 *
 * @param serial the serial port, of a Linux guest
 * @param realTimeClock the real-time clock, of a Linux guest
 * @param keyboard the keyboard controller, of a Linux guest
 * @param power the power management, of a Linux guest
 * @param doorbell the doorbell, of a flat guest
 * @param virtio the transports, in the order of their addresses
 */
public record DeviceSet(
    Optional<SerialPort> serial,
    Optional<RealTimeClock> realTimeClock,
    Optional<KeyboardController> keyboard,
    Optional<PowerManagement> power,
    Optional<Doorbell> doorbell,
    List<VirtioMmioTransport> virtio) {

  /** Copies the list. */
  public DeviceSet {
    virtio = List.copyOf(virtio);
  }

  /** Captures them, while neither vCPUs nor the event loop use them. */
  DeviceStates capture() {
    return new DeviceStates(
        serial.map(SerialPort::capture),
        realTimeClock.map(RealTimeClock::capture),
        keyboard.map(KeyboardController::capture),
        power.map(PowerManagement::capture),
        doorbell.map(Doorbell::capture),
        virtio.stream().map(VirtioMmioTransport::capture).toList());
  }

  /**
   * Takes up states of the same devices. After the interrupt controllers: who had raised an
   * interrupt that the guest has not acknowledged raises it again.
   */
  void restore(DeviceStates states) {
    states.serial().ifPresent(state -> serial.orElseThrow().restore(state));
    states.realTimeClock().ifPresent(state -> realTimeClock.orElseThrow().restore(state));
    states.keyboard().ifPresent(state -> keyboard.orElseThrow().restore(state));
    states.power().ifPresent(state -> power.orElseThrow().restore(state));
    states.doorbell().ifPresent(state -> doorbell.orElseThrow().restore(state));
    for (int i = 0; i < virtio.size(); i++) {
      virtio.get(i).restore(states.virtio().get(i));
    }
  }
}
