package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.FieldReader;
import dev.torpor.snapshot.FieldWriter;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.vmm.device.StateBytes;
import dev.torpor.vmm.memory.MemoryLayout;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;

/**
 * Machine states as bytes: a record of tagged fields, little-endian. A reader skips fields that it
 * does not know, so a later version may add some; one that changes the meaning of what is there
 * counts the version up, and older readers refuse it.
 *
 * <p>What is read may be hostile. Lengths and counts are capped before anything is allocated, and
 * the result has been checked like any other {@link MachineState}. What only the kernel can judge,
 * such as the contents of a register, it judges at the restore.
 */
public final class MachineStateCodec {
  /** The version that is written, and the last one that can be read. */
  public static final int VERSION = 1;

  static final int MAX_VCPUS = 254;
  static final int MAX_DISKS = 8;
  static final int MAX_NAME_BYTES = 1024;
  static final int MAX_DISK_ID_BYTES = 64;
  private static final int MAX_CHIP_BYTES = 4096;

  private static final int TAG_VERSION = 1;
  private static final int TAG_NAME = 2;
  private static final int TAG_PLATFORM = 3;
  private static final int TAG_MEMORY_BYTES = 4;
  private static final int TAG_DISK = 5;
  private static final int TAG_CLOCK = 6;
  private static final int TAG_INTERRUPTS = 7;
  private static final int TAG_DEVICES = 8;
  private static final int TAG_VCPU = 9;

  private static final int TAG_DISK_ID = 1;

  private static final int TAG_KVMCLOCK = 1;
  private static final int TAG_REALTIME = 2;

  private static final int TAG_PIC_MASTER = 1;
  private static final int TAG_PIC_SLAVE = 2;
  private static final int TAG_IO_APIC = 3;
  private static final int TAG_PIT = 4;

  private MachineStateCodec() {}

  /**
   * Writes a state.
   *
   * @param state the state
   * @return its record
   * @throws IllegalArgumentException if its name or a disk's identity is too long to be read again
   */
  public static FieldWriter encode(MachineState state) {
    requireShort("name", state.name(), MAX_NAME_BYTES);
    FieldWriter out = new FieldWriter();
    out.u32(TAG_VERSION, VERSION)
        .string(TAG_NAME, state.name())
        .u32(TAG_PLATFORM, state.platform().code())
        .i64(TAG_MEMORY_BYTES, state.memoryByteSize());
    for (String id : state.diskIds()) {
      requireShort("disk id", id, MAX_DISK_ID_BYTES);
      out.record(TAG_DISK, disk -> disk.string(TAG_DISK_ID, id));
    }
    out.record(
        TAG_CLOCK,
        clock ->
            clock
                .i64(TAG_KVMCLOCK, state.clock().kvmclockNanos())
                .i64(TAG_REALTIME, state.clock().realtimeNanos()));
    state
        .interrupts()
        .ifPresent(chips -> out.record(TAG_INTERRUPTS, record -> write(record, chips)));
    out.record(TAG_DEVICES, devices -> DeviceStatesCodec.write(devices, state.devices()));
    for (VcpuState vcpu : state.vcpus()) {
      out.record(TAG_VCPU, record -> VcpuStateCodec.write(record, vcpu));
    }
    return out;
  }

  private static void requireShort(String what, String text, int maxBytes) {
    if (text.getBytes(StandardCharsets.UTF_8).length > maxBytes) {
      throw new IllegalArgumentException(
          "%s of more than %d bytes: %s".formatted(what, maxBytes, text));
    }
  }

  private static void write(FieldWriter out, InterruptState chips) {
    out.bytes(TAG_PIC_MASTER, chips.picMaster().toArray())
        .bytes(TAG_PIC_SLAVE, chips.picSlave().toArray())
        .bytes(TAG_IO_APIC, chips.ioApic().toArray())
        .bytes(TAG_PIT, chips.pit().toArray());
  }

  /**
   * Reads a state.
   *
   * @param in a record that {@link #encode} gave, or any other
   * @return the state
   * @throws SnapshotFormatException if it is not the state of a machine that can be
   */
  public static MachineState decode(FieldReader in) {
    long version = in.u32(TAG_VERSION, 0xffff_ffffL);
    if (version < 1 || version > VERSION) {
      throw in.nonsense(
          TAG_VERSION, "a machine state of version 1 to " + VERSION, "version " + version);
    }
    PlatformKind platform = PlatformKind.of((int) in.u32(TAG_PLATFORM, PlatformKind.MAX_CODE));
    List<String> diskIds =
        in.records(TAG_DISK, MAX_DISKS).stream()
            .map(disk -> disk.string(TAG_DISK_ID, MAX_DISK_ID_BYTES))
            .toList();
    FieldReader clock = in.record(TAG_CLOCK);
    Optional<InterruptState> interrupts =
        in.has(TAG_INTERRUPTS)
            ? Optional.of(interrupts(in.record(TAG_INTERRUPTS)))
            : Optional.empty();
    DeviceStates devices = DeviceStatesCodec.read(in.record(TAG_DEVICES));
    List<VcpuState> vcpus =
        in.records(TAG_VCPU, MAX_VCPUS).stream().map(VcpuStateCodec::read).toList();
    long memoryByteSize = in.i64(TAG_MEMORY_BYTES);
    try {
      MemoryLayout.regions(memoryByteSize);
    } catch (IllegalArgumentException e) {
      throw in.nonsense(TAG_MEMORY_BYTES, "a size of memory", e.getMessage());
    }
    try {
      return new MachineState(
          in.string(TAG_NAME, MAX_NAME_BYTES),
          platform,
          memoryByteSize,
          diskIds,
          new ClockState(clock.i64(TAG_KVMCLOCK), clock.i64(TAG_REALTIME)),
          interrupts,
          devices,
          vcpus);
    } catch (IllegalArgumentException e) {
      throw in.nonsense(TAG_VERSION, "the state of a machine that can be", e.getMessage());
    }
  }

  private static InterruptState interrupts(FieldReader in) {
    return new InterruptState(
        bytes(in, TAG_PIC_MASTER, MAX_CHIP_BYTES),
        bytes(in, TAG_PIC_SLAVE, MAX_CHIP_BYTES),
        bytes(in, TAG_IO_APIC, MAX_CHIP_BYTES),
        bytes(in, TAG_PIT, MAX_CHIP_BYTES));
  }

  static StateBytes bytes(FieldReader in, int tag, int maxBytes) {
    return StateBytes.of(in.bytes(tag, maxBytes));
  }
}
