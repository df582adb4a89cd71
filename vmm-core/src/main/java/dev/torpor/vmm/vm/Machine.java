package dev.torpor.vmm.vm;

import dev.torpor.kvm.Cap;
import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.CpuidEntry;
import dev.torpor.kvm.MemorySlot;
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
import dev.torpor.vmm.checkpoint.DeviceSet;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MachineFacts;
import dev.torpor.vmm.checkpoint.MachineRecorder;
import dev.torpor.vmm.checkpoint.MachineState;
import dev.torpor.vmm.checkpoint.PlatformKind;
import dev.torpor.vmm.checkpoint.PreparedState;
import dev.torpor.vmm.checkpoint.RestoredMemory;
import dev.torpor.vmm.checkpoint.TscFrequency;
import dev.torpor.vmm.checkpoint.VcpuProfile;
import dev.torpor.vmm.cpu.CpuTemplate;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuRegisters;
import dev.torpor.vmm.cpu.VcpuTask;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.device.InterruptLine;
import dev.torpor.vmm.device.KeyboardController;
import dev.torpor.vmm.device.PowerManagement;
import dev.torpor.vmm.device.RealTimeClock;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.device.SerialPort;
import dev.torpor.vmm.device.virtio.BlockBackend;
import dev.torpor.vmm.device.virtio.BlockDevice;
import dev.torpor.vmm.device.virtio.QueueNotifier;
import dev.torpor.vmm.device.virtio.VirtioMmioTransport;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryRegion;
import dev.torpor.vmm.memory.TrackerKind;
import dev.torpor.vmm.thread.Worker;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;

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

  private final CloseStack owned = new CloseStack();
  private final Bus ports = new Bus("I/O port");
  private final Bus mmio = new Bus("MMIO");
  private final String name;
  private final SerialOutput console;
  private final Consumer<VmExit> exits;
  private final List<VirtioMmioTransport> transports = new ArrayList<>();
  private final List<VirtioMmioWindow> windows = new ArrayList<>();
  private GuestMemory memory;
  private RestoredMemory restoredMemory;
  private MachineDisks disks;
  private VmFd vm;
  private List<MemorySlot> slots;
  private DirtyTracker dirtyTracker;
  private EventLoop eventLoop;
  private VcpuGroup vcpus;
  private SerialPort serial;
  private RealTimeClock realTimeClock;
  private KeyboardController keyboard;
  private PowerManagement power;
  private Doorbell doorbell;
  private MachineRecorder recorder;

  /** Of every vCPU's time stamp counter. */
  private int tscKhz;

  private Machine(String name, SerialOutput console, Consumer<VmExit> exits) {
    this.name = name;
    this.console = console;
    this.exits = exits;
  }

  /** Builds a machine; {@code exits} is told, on whatever thread, why the guest has ended. */
  static Machine build(VmConfig config, Consumer<VmExit> exits) {
    Machine machine = new Machine(config.name(), config.console(), exits);
    return machine.built(() -> machine.assemble(config));
  }

  /**
   * Builds a machine of a plan, with nothing booted: {@link #restore} comes next.
   *
   * @param parts what the plan does not hold; its disks and memory belong to the machine from now
   *     on, even if this fails
   * @param plan what it is built like
   * @param exits told, on whatever thread, why the guest has ended
   * @throws IllegalArgumentException if the parts do not fit
   */
  static Machine rebuild(MachineParts parts, MachinePlan plan, Consumer<VmExit> exits) {
    Machine machine = new Machine(parts.name(), parts.console(), exits);
    machine.memory = machine.owned.own(parts.memory().memory());
    machine.restoredMemory = machine.owned.own(parts.memory());
    machine.disks = machine.owned.own(parts.disks());
    return machine.built(() -> machine.assembleAgain(parts, plan));
  }

  private Machine built(Runnable assembly) {
    try {
      assembly.run();
      return this;
    } catch (RuntimeException | Error e) {
      try {
        close();
      } catch (RuntimeException closing) {
        e.addSuppressed(closing);
      }
      throw e;
    }
  }

  private void assemble(VmConfig config) {
    HostKvm host = HostKvm.get();
    memory =
        owned.own(
            GuestMemory.allocate(
                config.memoryByteSize(), config.memoryBacking(), config.transparentHugePages()));
    boolean isLinux = config.guest() instanceof LinuxGuest;
    boolean interruptControllers = isLinux || !config.disks().isEmpty();
    createVm(host, interruptControllers, config.dirtyTracker(), false);
    disks = owned.own(MachineDisks.open(config));
    attachDisks();
    addDevices(isLinux ? PlatformKind.LINUX : PlatformKind.FLAT);
    BootState boot = load(config);
    List<List<CpuidEntry>> cpuids = shapeCpuids(host, config);
    createVcpus(
        cpuids.stream().map(Cpuid::of).toList(),
        (id, vcpu) -> {
          if (interruptControllers) {
            PowerOn.prepare(vcpu);
          }
          boot.entry(id).ifPresent(entry -> VcpuRegisters.load(vcpu, entry));
          tscKhz = host.tscKhz(vcpu);
        });
    createRecorder(
        cpuids,
        isLinux ? PlatformKind.LINUX : PlatformKind.FLAT,
        host.profile(cpuids.getFirst(), interruptControllers));
  }

  private BootState load(VmConfig config) {
    return switch (config.guest()) {
      case LinuxGuest linux -> {
        long rsdp = AcpiTables.install(memory, config.vcpuCount(), windows);
        yield KernelLoader.load(memory, linux, rsdp);
      }
      case FlatGuest flat -> flat.load(memory, config.vcpuCount());
    };
  }

  private List<List<CpuidEntry>> shapeCpuids(HostKvm host, VmConfig config) {
    boolean tscDeadline = vm.check(Cap.TSC_DEADLINE_TIMER) != 0;
    int count = config.vcpuCount();
    CpuTemplate template = config.cpuTemplate();
    return IntStream.range(0, count)
        .mapToObj(id -> template.shape(host.supportedCpuid(), id, count, tscDeadline))
        .toList();
  }

  private void assembleAgain(MachineParts parts, MachinePlan plan) {
    MachineState state = plan.state();
    requireParts(state);
    HostKvm host = HostKvm.get();
    createVm(host, state.hasInterruptControllers(), parts.dirtyTracker(), true);
    attachDisks();
    addDevices(state.platform());
    createVcpus(
        plan.cpuidLists(),
        (id, vcpu) -> {
          int wanted = state.vcpus().get(id).tscKhz();
          tscKhz = TscFrequency.adopt(host.kvm(), vcpu, host.tscKhz(vcpu), wanted);
        });
    createRecorder(plan.cpuids(), state.platform(), plan.profile());
  }

  private void requireParts(MachineState state) {
    if (memory.byteSize() != state.memoryByteSize()) {
      throw new IllegalArgumentException(
          "VM '%s' needs %d bytes of memory, and was given %d"
              .formatted(name, state.memoryByteSize(), memory.byteSize()));
    }
    int diskCount = disks.backends().size();
    if (diskCount != state.diskIds().size()) {
      throw new IllegalArgumentException(
          "VM '%s' needs %d disks, and was given %d"
              .formatted(name, state.diskIds().size(), diskCount));
    }
  }

  private void createVm(
      HostKvm host, boolean interruptControllers, TrackerKind tracker, boolean logFromTheStart) {
    vm = owned.own(host.kvm().createVm());
    slots = memorySlots(logFromTheStart);
    dirtyTracker = owned.own(DirtyTracker.create(tracker, memory, vm, slots));
    if (interruptControllers) {
      vm.setIdentityMapAddress(IDENTITY_MAP_GPA);
      vm.setTssAddress(TSS_GPA);
      vm.createIrqChip();
      vm.createPit();
    }
  }

  private List<MemorySlot> memorySlots(boolean log) {
    List<MemoryRegion> regions = memory.regions();
    return IntStream.range(0, regions.size())
        .mapToObj(id -> memorySlot(id, regions.get(id), log))
        .toList();
  }

  private MemorySlot memorySlot(int id, MemoryRegion region, boolean log) {
    return new MemorySlot(
        id,
        log ? MemorySlot.LOG_DIRTY_PAGES : 0,
        region.gpa(),
        region.byteSize(),
        memory.hva(region.gpa(), region.byteSize()));
  }

  /** Their event loop is quiesced until the guest is let run. */
  private void attachDisks() {
    if (!disks.backends().isEmpty()) {
      eventLoop =
          owned.own(
              new EventLoop(
                  name + "-devices", failure -> exits.accept(new VmExit.Failed(failure))));
      eventLoop.quiesce();
      disks.backends().forEach(this::attachDisk);
    }
  }

  private void attachDisk(BlockBackend backend) {
    int index = windows.size();
    VirtioMmioWindow window =
        new VirtioMmioWindow(
            VIRTIO_GPA + index * VirtioMmioTransport.MMIO_BYTES,
            VirtioMmioTransport.MMIO_BYTES,
            FIRST_VIRTIO_GSI + index);
    InterruptLine line = interruptLine(window.gsi());
    BlockDevice device = new BlockDevice(backend, diskId(index));
    VirtioMmioTransport transport = owned.own(transport(device, line));
    mmio.attach(window.gpa(), window.byteSize(), transport);
    for (QueueNotifier notifier : transport.notifiers()) {
      vm.assignIoEventFd(
          notifier.eventFd(),
          window.gpa() + VirtioMmioTransport.QUEUE_NOTIFY_OFFSET,
          false,
          NOTIFY_BYTES,
          notifier.queueIndex());
    }
    transports.add(transport);
    windows.add(window);
  }

  static String diskId(int index) {
    return "vd" + (char) ('a' + index);
  }

  /** The transport closes the device, once there is a transport. */
  private VirtioMmioTransport transport(BlockDevice device, InterruptLine line) {
    try {
      return new VirtioMmioTransport(device, memory, line, eventLoop);
    } catch (RuntimeException | Error e) {
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

  private void addDevices(PlatformKind platform) {
    switch (platform) {
      case FLAT -> addDoorbell();
      case LINUX -> addPlatformDevices();
    }
  }

  private void addPlatformDevices() {
    serial = new SerialPort(interruptLine(SerialPort.COM1_IRQ), console);
    ports.attach(SerialPort.COM1, SerialPort.PORT_COUNT, serial);
    realTimeClock = new RealTimeClock(InstantSource.system());
    ports.attach(RealTimeClock.FIRST_PORT, RealTimeClock.PORT_COUNT, realTimeClock);
    keyboard = new KeyboardController(() -> exits.accept(new VmExit.Reset()));
    keyboard.attachTo(ports);
    power =
        new PowerManagement(
            () -> exits.accept(new VmExit.PoweredOff()), () -> exits.accept(new VmExit.Reset()));
    power.attachTo(ports);
  }

  private void addDoorbell() {
    doorbell = new Doorbell(code -> exits.accept(new VmExit.GuestExited(code, doorbell.detail())));
    mmio.attach(Doorbell.GPA, Doorbell.BYTE_SIZE, doorbell);
  }

  /** Memslots and vCPUs take KVM some hundred microseconds each, so it makes both at once. */
  private void createVcpus(List<Cpuid> cpuids, VcpuTask preparation) {
    Worker.runBeside(
        name + "-memslots",
        () -> slots.forEach(vm::setMemorySlot),
        () -> createVcpusAlone(cpuids, preparation));
  }

  /** CPUID first: which MSRs a vCPU has follows from it. */
  private void createVcpusAlone(List<Cpuid> cpuids, VcpuTask preparation) {
    vcpus = owned.own(new VcpuGroup(name, ports, mmio, dirtyTracker::makeRoomInRings, exits));
    for (int id = 0; id < cpuids.size(); id++) {
      VcpuFd vcpu = vm.createVcpu(id);
      vcpus.add(vcpu);
      dirtyTracker.addVcpu(vcpu);
      vcpu.setCpuid(cpuids.get(id));
      preparation.run(id, vcpu);
    }
  }

  private void createRecorder(
      List<List<CpuidEntry>> cpuids, PlatformKind platform, VcpuProfile profile) {
    MachineFacts facts =
        new MachineFacts(
            name,
            platform,
            memory.byteSize(),
            IntStream.range(0, windows.size()).mapToObj(Machine::diskId).toList(),
            cpuids,
            tscKhz);
    DeviceSet devices =
        new DeviceSet(
            Optional.ofNullable(serial),
            Optional.ofNullable(realTimeClock),
            Optional.ofNullable(keyboard),
            Optional.ofNullable(power),
            Optional.ofNullable(doorbell),
            transports);
    recorder = new MachineRecorder(facts, vm, vcpus, devices, profile);
  }

  /**
   * Captures everything but memory and the disks' contents. While it is paused, or before it was
   * started. Where the time of the pause counts, {@link MachineRecorder#capture} and then, once the
   * guest runs again, {@link MachineRecorder#state} do the same in two steps.
   */
  MachineState capture() {
    recorder.capture(() -> {});
    return recorder.state();
  }

  /**
   * Takes up a state of this machine, or of the one that it was rebuilt from. While it is paused,
   * or before it was started; memory and disks are as they were then already.
   */
  void restore(PreparedState state, GuestClock clock) {
    recorder.restore(state, clock);
  }

  MachineRecorder recorder() {
    return recorder;
  }

  GuestMemory memory() {
    return memory;
  }

  /** What brings the pages of a restored machine in; null for another machine. */
  RestoredMemory restoredMemory() {
    return restoredMemory;
  }

  /** Lets no vCPU wait any longer for a page that may never come. Memory is not read again. */
  void endPaging() {
    if (restoredMemory != null) {
      restoredMemory.endPaging();
    }
  }

  DirtyTracker dirtyTracker() {
    return dirtyTracker;
  }

  MachineDisks disks() {
    return disks;
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
