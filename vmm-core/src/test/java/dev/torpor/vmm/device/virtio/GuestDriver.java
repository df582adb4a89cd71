package dev.torpor.vmm.device.virtio;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.vmm.memory.GuestMemory;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/** A guest's driver up to DRIVER_OK: it finds a device on the bus and sets it up (3.1.1, 4.2.3). */
final class GuestDriver {
  private static final long QUEUES_GPA = 0x10_0000;
  private static final long QUEUE_SPACING = 0x1_0000;

  final VirtioMmioTransport transport;
  final GuestMemory memory;

  GuestDriver(VirtioMmioTransport transport, GuestMemory memory) {
    this.transport = transport;
    this.memory = memory;
  }

  int read(int register) {
    return (int) transport.read(register, 4);
  }

  void write(int register, int value) {
    transport.write(register, 4, value & 0xffff_ffffL);
  }

  int status() {
    return read(MmioRegister.STATUS);
  }

  /** Adds bits to the device status and returns what the device makes of it. */
  int addStatus(int bits) {
    write(MmioRegister.STATUS, status() | bits);
    return status();
  }

  void reset() {
    write(MmioRegister.STATUS, 0);
  }

  long deviceFeatures() {
    write(MmioRegister.DEVICE_FEATURES_SEL, 1);
    long high = read(MmioRegister.DEVICE_FEATURES);
    write(MmioRegister.DEVICE_FEATURES_SEL, 0);
    return (high << 32) | (read(MmioRegister.DEVICE_FEATURES) & 0xffff_ffffL);
  }

  void writeFeatures(long features) {
    write(MmioRegister.DRIVER_FEATURES_SEL, 0);
    write(MmioRegister.DRIVER_FEATURES, (int) features);
    write(MmioRegister.DRIVER_FEATURES_SEL, 1);
    write(MmioRegister.DRIVER_FEATURES, (int) (features >>> 32));
  }

  /** Goes as far as FEATURES_OK; returns whether the device agreed. */
  boolean negotiate(long features) {
    addStatus(DeviceStatus.ACKNOWLEDGE);
    addStatus(DeviceStatus.DRIVER);
    writeFeatures(features);
    return (addStatus(DeviceStatus.FEATURES_OK) & DeviceStatus.FEATURES_OK) != 0;
  }

  /** Describes a queue whose rings are zeroed, and enables it. */
  DriverSide setUpQueue(int index, int size) {
    DriverSide side = new DriverSide(memory, QUEUES_GPA + index * QUEUE_SPACING, size);
    memory.fill(side.descriptorTable, side.end() - side.descriptorTable, (byte) 0);
    describeQueue(index, side);
    write(MmioRegister.QUEUE_READY, 1);
    return side;
  }

  void describeQueue(int index, DriverSide side) {
    write(MmioRegister.QUEUE_SEL, index);
    write(MmioRegister.QUEUE_NUM, side.size);
    write(MmioRegister.QUEUE_DESC_LOW, (int) side.descriptorTable);
    write(MmioRegister.QUEUE_DESC_HIGH, (int) (side.descriptorTable >>> 32));
    write(MmioRegister.QUEUE_DRIVER_LOW, (int) side.availableRing);
    write(MmioRegister.QUEUE_DRIVER_HIGH, (int) (side.availableRing >>> 32));
    write(MmioRegister.QUEUE_DEVICE_LOW, (int) side.usedRing);
    write(MmioRegister.QUEUE_DEVICE_HIGH, (int) (side.usedRing >>> 32));
  }

  /** Everything up to DRIVER_OK, with queue 0 of the given size. */
  DriverSide start(long features, int queueSize) {
    assertThat(negotiate(features)).as("features accepted").isTrue();
    DriverSide side = setUpQueue(0, queueSize);
    addStatus(DeviceStatus.DRIVER_OK);
    return side;
  }

  void notifyQueue(int index) {
    write(MmioRegister.QUEUE_NOTIFY, index);
  }

  static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("gave up waiting: %s", what).isLessThan(deadline);
      Thread.onSpinWait();
    }
  }
}
