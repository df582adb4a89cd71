package dev.torpor.vmm.vm;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.Lapic;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.Msrs;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.linux.EventFd;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.AcpiTables;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.boot.KernelLoader;
import dev.torpor.vmm.boot.LinuxGuest;
import dev.torpor.vmm.boot.VirtioMmioWindow;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuRegisters;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.device.InterruptLine;
import dev.torpor.vmm.device.KeyboardController;
import dev.torpor.vmm.device.PowerManagement;
import dev.torpor.vmm.device.RealTimeClock;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.device.virtio.BlockDevice;
import dev.torpor.vmm.device.virtio.QueueNotifier;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import dev.torpor.vmm.device.virtio.VirtioMmioTransport;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryRegion;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The parts of one VM, put together: memory, interrupt controllers, devices, vCPUs with their
 * registers at entry. It owns them all and gives them back in the reverse order; a failure on the
 * way leaves nothing behind.
 */
final class Machine implements AutoCloseable {
  /** Three pages that Intel processors need, below the BIOS; then the page of the identity map. */
  private static final long TSS_GPA = 0xfffb_d000L;

  private static final long IDENTITY_MAP_GPA = 0xfffb_c000L;

  /** Where virtio devices lie in the hole below 4 GiB, one page each. */
  private static final long VIRTIO_GPA = 0xd010_0000L;

  private static final int FIRST_VIRTIO_GSI = 16;
  private static final int NOTIFY_BYTES = 4;

  private static final int MSR_MISC_ENABLE = 0x1a0;
  private static final long MISC_ENABLE_FAST_STRINGS = 1;
  private static final int MSR_MTRR_DEFAULT_TYPE = 0x2ff;
  private static final long MTRR_ENABLED_WRITE_BACK = 0x806;

  /** Local vector table: deliver as an external interrupt, or as a non-maskable one. */
  private static final int DELIVER_EXTERNAL = 0x700;

  private static final int DELIVER_NMI = 0x400;

  private final CloseStack owned = new CloseStack();
  private final Bus ports = new Bus("I/O port");
  private final Bus mmio = new Bus("MMIO");
  private final VmConfig config;
  private final Consumer<VmExit> exits;
  private GuestMemory memory;
  private VmFd vm;
  private DirtyTracker dirtyTracker;
  private EventLoop eventLoop;
  private VcpuGroup vcpus;
  private SerialPort serial;
  private Doorbell doorbell;

  private Machine(VmConfig config, Consumer<VmExit> exits) {
    this.config = config;
    this.exits = exits;
  }

  /** Builds a machine; {@code exits} is told, on whatever thread, why the guest has ended. */
  static Machine build(VmConfig config, Consumer<VmExit> exits) {
    Machine machine = new Machine(config, exits);
    try {
      machine.assemble();
      return machine;
    } catch (RuntimeException | Error e) {
      try {
        machine.close();
      } catch (RuntimeException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private void assemble() {
    HostKvm host = HostKvm.get();
    memory =
        owned.own(
            GuestMemory.allocate(
                config.memoryByteSize(), config.memoryBacking(), config.transparentHugePages()));
    vm = owned.own(host.kvm().createVm());
    List<MemorySlot> slots = addMemorySlots();
    dirtyTracker = owned.own(DirtyTracker.create(config.dirtyTracker(), memory, vm, slots));
    boolean interruptControllers =
        config.guest() instanceof LinuxGuest || !config.disks().isEmpty();
    if (interruptControllers) {
      vm.setIdentityMapAddress(IDENTITY_MAP_GPA);
      vm.setTssAddress(TSS_GPA);
      vm.createIrqChip();
      vm.createPit();
    }
    List<VirtioMmioWindow> virtioSlots = addDisks();
    BootState boot =
        switch (config.guest()) {
          case LinuxGuest linux -> {
            addPlatformDevices();
            long rsdp = AcpiTables.install(memory, config.vcpuCount(), virtioSlots);
            yield KernelLoader.load(memory, linux, rsdp);
          }
          case FlatGuest flat -> {
            addDoorbell();
            yield flat.load(memory, config.vcpuCount());
          }
        };
    vcpus =
        owned.own(new VcpuGroup(config.name(), ports, mmio, dirtyTracker::makeRoomInRings, exits));
    for (int id = 0; id < config.vcpuCount(); id++) {
      VcpuFd vcpu = vm.createVcpu(id);
      vcpus.add(vcpu);
      dirtyTracker.addVcpu(vcpu);
      setCpuid(host, vcpu, id);
      if (interruptControllers) {
        wireLocalApic(vcpu);
        setBootMsrs(vcpu);
      }
      boot.entry(id).ifPresent(entry -> VcpuRegisters.load(vcpu, entry));
    }
  }

  private List<MemorySlot> addMemorySlots() {
    List<MemoryRegion> regions = memory.regions();
    List<MemorySlot> slots = new ArrayList<>();
    for (int id = 0; id < regions.size(); id++) {
      MemoryRegion region = regions.get(id);
      MemorySlot slot =
          new MemorySlot(
              id, 0, region.gpa(), region.byteSize(), memory.hva(region.gpa(), region.byteSize()));
      vm.setMemorySlot(slot);
      slots.add(slot);
    }
    return slots;
  }

  private List<VirtioMmioWindow> addDisks() {
    List<VirtioMmioWindow> slots = new ArrayList<>();
    if (config.disks().isEmpty()) {
      return slots;
    }
    eventLoop =
        owned.own(
            new EventLoop(
                config.name() + "-devices", failure -> exits.accept(new VmExit.Failed(failure))));
    for (DiskConfig disk : config.disks()) {
      int index = slots.size();
      VirtioMmioWindow slot =
          new VirtioMmioWindow(
              VIRTIO_GPA + index * VirtioMmioTransport.MMIO_BYTES,
              VirtioMmioTransport.MMIO_BYTES,
              FIRST_VIRTIO_GSI + index);
      addDisk(disk, slot);
      slots.add(slot);
    }
    return slots;
  }

  private void addDisk(DiskConfig disk, VirtioMmioWindow slot) {
    String id = "vd" + (char) ('a' + slot.gsi() - FIRST_VIRTIO_GSI);
    InterruptLine line = interruptLine(slot.gsi());
    BlockDevice device = new BlockDevice(RawFileBackend.open(disk.path(), disk.readOnly()), id);
    VirtioMmioTransport transport = owned.own(transport(device, line));
    mmio.attach(slot.gpa(), slot.byteSize(), transport);
    for (QueueNotifier notifier : transport.notifiers()) {
      vm.assignIoEventFd(
          notifier.eventFd(),
          slot.gpa() + VirtioMmioTransport.QUEUE_NOTIFY_OFFSET,
          false,
          NOTIFY_BYTES,
          notifier.queueIndex());
    }
  }

  /** The transport closes the device, once there is a transport. */
  private VirtioMmioTransport transport(BlockDevice device, InterruptLine line) {
    try {
      return new VirtioMmioTransport(device, memory, line, eventLoop);
    } catch (RuntimeException e) {
      device.close();
      throw e;
    }
  }

  /** A device's wire: an eventfd that the kernel turns into an edge. */
  private InterruptLine interruptLine(int gsi) {
    EventFd event = owned.own(EventFd.create());
    vm.assignIrqFd(event, gsi);
    return event::signal;
  }

  private void addPlatformDevices() {
    serial = new SerialPort(interruptLine(SerialPort.COM1_IRQ), config.console());
    ports.attach(SerialPort.COM1, SerialPort.PORT_COUNT, serial);
    ports.attach(
        RealTimeClock.FIRST_PORT,
        RealTimeClock.PORT_COUNT,
        new RealTimeClock(InstantSource.system()));
    new KeyboardController(() -> exits.accept(new VmExit.Reset())).attachTo(ports);
    new PowerManagement(
            () -> exits.accept(new VmExit.PoweredOff()), () -> exits.accept(new VmExit.Reset()))
        .attachTo(ports);
  }

  private void addDoorbell() {
    doorbell = new Doorbell(code -> exits.accept(new VmExit.GuestExited(code, doorbell.detail())));
    mmio.attach(Doorbell.GPA, Doorbell.BYTE_SIZE, doorbell);
  }

  private void setCpuid(HostKvm host, VcpuFd vcpu, int id) {
    boolean tscDeadline = vm.check(Cap.TSC_DEADLINE_TIMER) != 0;
    vcpu.setCpuid(
        Cpuid.of(
            config
                .cpuTemplate()
                .shape(host.supportedCpuid(), id, config.vcpuCount(), tscDeadline)));
  }

  /** As firmware leaves it: the 8259A on LINT0, non-maskable interrupts on LINT1. */
  private static void wireLocalApic(VcpuFd vcpu) {
    Lapic lapic = new Lapic();
    vcpu.getLapic(lapic);
    lapic.set(Lapic.LVT_LINT0, DELIVER_EXTERNAL);
    lapic.set(Lapic.LVT_LINT1, DELIVER_NMI);
    vcpu.setLapic(lapic);
  }

  /** As firmware leaves them: all memory cached. */
  private static void setBootMsrs(VcpuFd vcpu) {
    Msrs msrs = new Msrs(MSR_MISC_ENABLE, MSR_MTRR_DEFAULT_TYPE);
    msrs.setValue(0, MISC_ENABLE_FAST_STRINGS);
    msrs.setValue(1, MTRR_ENABLED_WRITE_BACK);
    vcpu.setMsrs(msrs);
  }

  GuestMemory memory() {
    return memory;
  }

  DirtyTracker dirtyTracker() {
    return dirtyTracker;
  }

  VcpuGroup vcpus() {
    return vcpus;
  }

  Optional<EventLoop> eventLoop() {
    return Optional.ofNullable(eventLoop);
  }

  Optional<SerialPort> serial() {
    return Optional.ofNullable(serial);
  }

  Optional<Doorbell> doorbell() {
    return Optional.ofNullable(doorbell);
  }

  @Override
  public void close() {
    owned.close();
  }
}
