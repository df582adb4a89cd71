package dev.torpor.vmm.checkpoint;

import static dev.torpor.vmm.checkpoint.MachineStateCodec.bytes;

import dev.torpor.snapshot.FieldReader;
import dev.torpor.snapshot.FieldWriter;
import dev.torpor.vmm.device.DoorbellState;
import dev.torpor.vmm.device.KeyboardControllerState;
import dev.torpor.vmm.device.PowerManagementState;
import dev.torpor.vmm.device.RealTimeClockState;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.device.SerialPortState;
import java.util.Optional;
import java.util.function.Function;

/** The states of a machine's devices as fields: a record each, whose tags count from 1. */
final class DeviceStatesCodec {
  private static final int TAG_SERIAL = 1;
  private static final int TAG_REAL_TIME_CLOCK = 2;
  private static final int TAG_KEYBOARD = 3;
  private static final int TAG_POWER = 4;
  private static final int TAG_DOORBELL = 5;
  private static final int TAG_VIRTIO = 6;

  private static final int MAX_FIFO_BYTES = 16;
  private static final int MAX_CMOS_BYTES = 128;

  private DeviceStatesCodec() {}

  static void write(FieldWriter out, DeviceStates states) {
    states.serial().ifPresent(s -> out.record(TAG_SERIAL, to -> write(to, s)));
    states.realTimeClock().ifPresent(s -> out.record(TAG_REAL_TIME_CLOCK, to -> write(to, s)));
    states.keyboard().ifPresent(s -> out.record(TAG_KEYBOARD, to -> write(to, s)));
    states.power().ifPresent(s -> out.record(TAG_POWER, to -> write(to, s)));
    states.doorbell().ifPresent(s -> out.record(TAG_DOORBELL, to -> write(to, s)));
    states.virtio().forEach(s -> out.record(TAG_VIRTIO, to -> VirtioStateCodec.write(to, s)));
  }

  static DeviceStates read(FieldReader in) {
    return new DeviceStates(
        optional(in, TAG_SERIAL, DeviceStatesCodec::serial),
        optional(in, TAG_REAL_TIME_CLOCK, DeviceStatesCodec::realTimeClock),
        optional(in, TAG_KEYBOARD, DeviceStatesCodec::keyboard),
        optional(in, TAG_POWER, DeviceStatesCodec::power),
        optional(in, TAG_DOORBELL, DeviceStatesCodec::doorbell),
        in.records(TAG_VIRTIO, MachineStateCodec.MAX_DISKS).stream()
            .map(VirtioStateCodec::read)
            .toList());
  }

  private static <T> Optional<T> optional(
      FieldReader in, int tag, Function<FieldReader, T> reader) {
    return in.has(tag) ? Optional.of(reader.apply(in.record(tag))) : Optional.empty();
  }

  private static void write(FieldWriter out, SerialPortState s) {
    out.u32(1, s.interruptEnable())
        .u32(2, s.fifoControl())
        .u32(3, s.lineControl())
        .u32(4, s.modemControl())
        .u32(5, s.lineErrors())
        .u32(6, s.modemDeltas())
        .u32(7, s.scratch())
        .u32(8, s.divisor())
        .flag(9, s.transmitterEmptyPending())
        .bytes(10, s.received().toArray())
        .bytes(11, s.waiting().toArray());
  }

  private static SerialPortState serial(FieldReader in) {
    return new SerialPortState(
        u8(in, 1),
        u8(in, 2),
        u8(in, 3),
        u8(in, 4),
        u8(in, 5),
        u8(in, 6),
        u8(in, 7),
        u16(in, 8),
        in.flag(9),
        bytes(in, 10, MAX_FIFO_BYTES),
        bytes(in, 11, SerialPort.WAITING_BYTES));
  }

  private static void write(FieldWriter out, RealTimeClockState s) {
    out.u32(1, s.selectedRegister()).bytes(2, s.cmos().toArray()).i64(3, s.offsetMillis());
  }

  private static RealTimeClockState realTimeClock(FieldReader in) {
    return new RealTimeClockState(u8(in, 1), bytes(in, 2, MAX_CMOS_BYTES), in.i64(3));
  }

  private static void write(FieldWriter out, KeyboardControllerState s) {
    out.u32(1, s.configuration())
        .u32(2, s.awaitingDataOf())
        .i64(3, s.output())
        .flag(4, s.lastWriteWasCommand());
  }

  private static KeyboardControllerState keyboard(FieldReader in) {
    return new KeyboardControllerState(u8(in, 1), u8(in, 2), (int) in.i64(3, -1, 0xff), in.flag(4));
  }

  private static void write(FieldWriter out, PowerManagementState s) {
    out.u32(1, s.status()).u32(2, s.enable()).u32(3, s.control()).u32(4, s.resetControl());
  }

  private static PowerManagementState power(FieldReader in) {
    return new PowerManagementState(u16(in, 1), u16(in, 2), u16(in, 3), u8(in, 4));
  }

  private static void write(FieldWriter out, DoorbellState s) {
    out.i64(1, s.progress()).i64(2, s.echoQuestion()).i64(3, s.echoAnswer()).i64(4, s.detail());
  }

  private static DoorbellState doorbell(FieldReader in) {
    return new DoorbellState(in.i64(1), in.i64(2), in.i64(3), in.i64(4));
  }

  private static int u8(FieldReader in, int tag) {
    return (int) in.u32(tag, 0xff);
  }

  private static int u16(FieldReader in, int tag) {
    return (int) in.u32(tag, 0xffff);
  }
}
