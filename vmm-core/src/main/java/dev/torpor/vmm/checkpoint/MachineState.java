package dev.torpor.vmm.checkpoint;

import java.util.List;
import java.util.Optional;

/**
 * A whole machine at one instant, except for its memory and its disks' contents: what is needed to
 * build the same machine elsewhere and to let it go on. Immutable.
 *
 * @param name the machine's name when it was captured
 * @param platform which devices it has
 * @param memoryByteSize the size of its memory in bytes
 * @param diskIds the identities of its disks, as the guest sees them, in order
 * @param clock its clock
 * @param interrupts its interrupt controllers; empty where it has none in the kernel
 * @param devices its devices
 * @param vcpus its vCPUs, by their number
 */
public record MachineState(
    String name,
    PlatformKind platform,
    long memoryByteSize,
    List<String> diskIds,
    ClockState clock,
    Optional<InterruptState> interrupts,
    DeviceStates devices,
    List<VcpuState> vcpus) {

  /**
   * Copies the lists, and checks that the parts belong together.
   *
   * @throws IllegalArgumentException if they do not
   */
  public MachineState {
    diskIds = List.copyOf(diskIds);
    vcpus = List.copyOf(vcpus);
    require(!vcpus.isEmpty(), "no vCPU");
    require(
        diskIds.size() == devices.virtio().size(),
        diskIds.size() + " disks with " + devices.virtio().size() + " transports");
    boolean flat = platform == PlatformKind.FLAT;
    require(devices.doorbell().isPresent() == flat, "doorbell of a machine that is " + platform);
    require(devices.serial().isPresent() != flat, "serial port of a machine that is " + platform);
    require(devices.realTimeClock().isPresent() != flat, "clock of a machine that is " + platform);
    require(devices.keyboard().isPresent() != flat, "keyboard of a machine that is " + platform);
    require(devices.power().isPresent() != flat, "ACPI of a machine that is " + platform);
    boolean needsControllers = !flat || !diskIds.isEmpty();
    require(
        interrupts.isPresent() == needsControllers,
        "interrupt controllers of a machine that is " + platform);
    for (VcpuState vcpu : vcpus) {
      require(
          (vcpu.lapic().byteCount() != 0) == interrupts.isPresent(),
          "local APICs without the other interrupt controllers, or the reverse");
    }
  }

  private static void require(boolean condition, String what) {
    if (!condition) {
      throw new IllegalArgumentException("state of a machine that cannot be: " + what);
    }
  }

  /**
   * How many vCPUs there are.
   *
   * @return at least 1
   */
  public int vcpuCount() {
    return vcpus.size();
  }

  /**
   * Whether interrupt controllers are in the kernel.
   *
   * @return whether they are
   */
  public boolean hasInterruptControllers() {
    return interrupts.isPresent();
  }

  /**
   * The same state under another name.
   *
   * @param newName the name
   * @return the state
   */
  public MachineState withName(String newName) {
    return new MachineState(
        newName, platform, memoryByteSize, diskIds, clock, interrupts, devices, vcpus);
  }
}
