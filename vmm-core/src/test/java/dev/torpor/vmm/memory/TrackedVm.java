package dev.torpor.vmm.memory;

import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuRegisters;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.device.Doorbell;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;

/** The page-writer over tracked memory, put together from no more parts than that takes. */
final class TrackedVm implements AutoCloseable {
  /** Makes the tracker under test. */
  @FunctionalInterface
  interface Factory {
    DirtyTracker create(GuestMemory memory, VmFd vm, List<MemorySlot> slots);

    static Factory of(TrackerKind kind) {
      return (memory, vm, slots) -> DirtyTracker.create(kind, memory, vm, slots);
    }
  }

  final GuestMemory memory;
  final DirtyTracker tracker;
  final VcpuGroup vcpus;
  final AtomicReference<VmExit> end = new AtomicReference<>();

  final Doorbell doorbell = new Doorbell(code -> ended(new VmExit.GuestExited(code, 0)));
  private final Kvm kvm = Kvm.open();
  private final VmFd vm = kvm.createVm();

  TrackedVm(
      long memoryBytes,
      MemoryBacking backing,
      Factory factory,
      int slotFlags,
      FlatArguments... workspaces) {
    memory = GuestMemory.allocate(memoryBytes, backing, true);
    tracker = factory.create(memory, vm, addSlots(slotFlags));
    Bus mmio = new Bus("MMIO");
    mmio.attach(Doorbell.GPA, Doorbell.BYTE_SIZE, doorbell);
    vcpus =
        new VcpuGroup("tracked", new Bus("I/O port"), mmio, tracker::makeRoomInRings, this::ended);
    BootState boot =
        FlatGuest.named("page-writer")
            .withVcpus(List.of(workspaces))
            .load(memory, workspaces.length);
    for (int id = 0; id < workspaces.length; id++) {
      VcpuFd vcpu = vm.createVcpu(id);
      vcpus.add(vcpu);
      tracker.addVcpu(vcpu);
      vcpu.setCpuid(Cpuid.of(kvm.supportedCpuid().entries()));
      VcpuRegisters.load(vcpu, boot.entry(id).orElseThrow());
    }
    vcpus.start();
  }

  private List<MemorySlot> addSlots(int flags) {
    List<MemorySlot> slots = new ArrayList<>();
    for (MemoryRegion region : memory.regions()) {
      MemorySlot slot =
          new MemorySlot(
              slots.size(),
              flags,
              region.gpa(),
              region.byteSize(),
              memory.hva(region.gpa(), region.byteSize()));
      vm.setMemorySlot(slot);
      slots.add(slot);
    }
    return slots;
  }

  private void ended(VmExit exit) {
    end.compareAndSet(null, exit);
    vcpus.requestStop();
  }

  void resume() {
    vcpus.resume();
  }

  void pause() {
    vcpus.pause(false);
    if (end.get() != null) {
      throw new AssertionError("the guest ended: " + end.get().describe());
    }
  }

  /** Lets a paused guest write for a while. */
  void runFor(Duration time) throws InterruptedException {
    resume();
    Thread.sleep(time);
    pause();
  }

  /** Lets a paused guest write until it has finished a pass that it has not begun yet. */
  void runWholePasses(int passes) throws InterruptedException {
    long before = doorbell.progress();
    resume();
    if (!doorbell.awaitProgress(before + passes, Duration.ofSeconds(60))) {
      throw new AssertionError("the guest stopped writing, end: " + end.get());
    }
    pause();
  }

  /** What was written since the last time. */
  PageSet collect() {
    PageSet pages = new PageSet(memory.pageCount());
    tracker.collect(pages);
    return pages;
  }

  @Override
  public void close() {
    vcpus.close();
    tracker.close();
    vm.close();
    memory.close();
    kvm.close();
  }
}
