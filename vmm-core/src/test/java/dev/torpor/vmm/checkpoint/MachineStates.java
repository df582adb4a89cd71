package dev.torpor.vmm.checkpoint;

import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.MpState;
import dev.torpor.vmm.device.DoorbellState;
import dev.torpor.vmm.device.KeyboardControllerState;
import dev.torpor.vmm.device.PowerManagementState;
import dev.torpor.vmm.device.RealTimeClockState;
import dev.torpor.vmm.device.SerialPortState;
import dev.torpor.vmm.device.StateBytes;
import dev.torpor.vmm.device.virtio.VirtQueueState;
import dev.torpor.vmm.device.virtio.VirtioMmioState;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Supplier;

/** Random states of machines that can be. */
final class MachineStates {
  private final Random random;

  MachineStates(long seed) {
    this.random = new Random(seed);
  }

  MachineState next() {
    boolean flat = random.nextBoolean();
    int disks = random.nextInt(MachineStateCodec.MAX_DISKS + 1);
    boolean chips = !flat || disks > 0;
    return new MachineState(
        "vm-\u00e9\u4e2d" + random.nextInt(),
        flat ? PlatformKind.FLAT : PlatformKind.LINUX,
        (4L + random.nextInt(1 << 16)) << 20,
        several(disks, () -> "vd" + (char) ('a' + random.nextInt(26))),
        new ClockState(random.nextLong(), random.nextLong()),
        chips ? Optional.of(interrupts()) : Optional.empty(),
        devices(flat, disks),
        several(1 + random.nextInt(4), () -> vcpu(chips)));
  }

  private InterruptState interrupts() {
    return new InterruptState(bytes(520), bytes(520), bytes(520), bytes(112));
  }

  private VcpuState vcpu(boolean lapic) {
    List<MsrValue> msrs =
        new ArrayList<>(
            several(random.nextInt(50), () -> new MsrValue(random.nextInt(), random.nextLong())));
    msrs.addFirst(new MsrValue(MsrCatalog.TSC, random.nextLong()));
    return new VcpuState(
        several(random.nextInt(20), this::cpuid),
        1 + random.nextInt(Integer.MAX_VALUE - 1),
        random.nextBoolean() ? OptionalLong.of(random.nextLong()) : OptionalLong.empty(),
        MpState.of(random.nextInt(5)),
        bytes(144),
        bytes(312),
        random.nextBoolean(),
        bytes(4096 + 64 * random.nextInt(100)),
        bytes(random.nextBoolean() ? 0 : 392),
        bytes(128),
        msrs,
        bytes(lapic ? 1024 : 0),
        bytes(random.nextBoolean() ? 0 : 4224),
        bytes(64));
  }

  private CpuidEntry cpuid() {
    return new CpuidEntry(
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt());
  }

  private DeviceStates devices(boolean flat, int disks) {
    return new DeviceStates(
        flat ? Optional.empty() : Optional.of(serial()),
        flat
            ? Optional.empty()
            : Optional.of(new RealTimeClockState(u8(), bytes(128), random.nextLong())),
        flat
            ? Optional.empty()
            : Optional.of(
                new KeyboardControllerState(
                    u8(), u8(), random.nextInt(257) - 1, random.nextBoolean())),
        flat ? Optional.empty() : Optional.of(new PowerManagementState(u16(), u16(), u16(), u8())),
        flat
            ? Optional.of(
                new DoorbellState(
                    random.nextLong(), random.nextLong(), random.nextLong(), random.nextLong()))
            : Optional.empty(),
        several(disks, this::virtio));
  }

  private SerialPortState serial() {
    return new SerialPortState(
        u8(),
        u8(),
        u8(),
        u8(),
        u8(),
        u8(),
        u8(),
        u16(),
        random.nextBoolean(),
        bytes(random.nextInt(17)),
        bytes(random.nextInt(4097)));
  }

  private VirtioMmioState virtio() {
    return new VirtioMmioState(
        random.nextInt(),
        random.nextLong(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        random.nextInt(),
        several(
            random.nextInt(4),
            () ->
                new VirtQueueState(
                    random.nextInt(),
                    random.nextBoolean(),
                    random.nextLong(),
                    random.nextLong(),
                    random.nextLong(),
                    u16(),
                    u16())));
  }

  private int u8() {
    return random.nextInt(0x100);
  }

  private int u16() {
    return random.nextInt(0x10000);
  }

  private StateBytes bytes(int count) {
    byte[] bytes = new byte[count];
    random.nextBytes(bytes);
    return StateBytes.of(bytes);
  }

  private static <T> List<T> several(int count, Supplier<T> one) {
    List<T> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(one.get());
    }
    return all;
  }
}
