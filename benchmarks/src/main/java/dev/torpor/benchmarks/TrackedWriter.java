package dev.torpor.benchmarks;

import dev.torpor.kvm.Cpuid;
import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuRegisters;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.MemoryRegion;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.memory.TrackerKind;
import java.util.ArrayList;
import java.util.List;

/** A guest with one vCPU that writes the same pages again and again, in tracked memory. */
public final class TrackedWriter implements AutoCloseable {
  private final Kvm kvm = Kvm.open();
  private final VmFd vm = kvm.createVm();
  private final Scatter scatter;
  private final GuestMemory memory;
  private final DirtyTracker tracker;
  private final VcpuGroup vcpus;
  private final PageSet pages;
  private final long untrackedNanos;

  /**
   * Makes one: tracking has started, every page was written, and the guest is paused.
   *
   * @param kind how its writes are noticed
   * @param mebibytes how much memory it has
   * @param scatter which pages it writes
   * @throws InterruptedException if the thread is interrupted
   */
  public TrackedWriter(TrackerKind kind, int mebibytes, Scatter scatter)
      throws InterruptedException {
    this.scatter = scatter;
    memory = GuestMemory.allocate((long) mebibytes << 20, MemoryBacking.ANONYMOUS, true);
    pages = new PageSet(memory.pageCount());
    tracker = DirtyTracker.create(kind, memory, vm, addSlots());
    vcpus =
        new VcpuGroup(
            "tracked-writer",
            new Bus("I/O port"),
            new Bus("MMIO"),
            tracker::makeRoomInRings,
            exit -> {
              throw new AssertionError("the guest ended: " + exit.describe());
            });
    BootState boot = scatter.guest().load(memory, 1);
    VcpuFd vcpu = vm.createVcpu(0);
    vcpus.add(vcpu);
    tracker.addVcpu(vcpu);
    vcpu.setCpuid(Cpuid.of(kvm.supportedCpuid().entries()));
    VcpuRegisters.load(vcpu, boot.entry(0).orElseThrow());
    vcpus.start();
    passes();
    untrackedNanos = medianPass();
    tracker.start();
    collectNanos();
  }

  private long medianPass() throws InterruptedException {
    long[] samples = new long[9];
    for (int i = 0; i < samples.length; i++) {
      samples[i] = passes();
    }
    return Distribution.of(samples).p50Nanos();
  }

  /** What {@link #passes} took before tracking was started. */
  long untrackedNanos() {
    return untrackedNanos;
  }

  private List<MemorySlot> addSlots() {
    List<MemorySlot> slots = new ArrayList<>();
    for (MemoryRegion region : memory.regions()) {
      long hva = memory.hva(region.gpa(), region.byteSize());
      MemorySlot slot = new MemorySlot(slots.size(), 0, region.gpa(), region.byteSize(), hva);
      vm.setMemorySlot(slot);
      slots.add(slot);
    }
    return slots;
  }

  /**
   * Lets the guest write every page at least once.
   *
   * @return how long two of its passes take, in nanoseconds
   * @throws InterruptedException if the thread is interrupted
   */
  public long passes() throws InterruptedException {
    long target = scatter.lastPass(memory) + 2; // the first may have begun before
    long before = System.nanoTime();
    vcpus.resume();
    scatter.awaitEndOf(memory, target);
    long nanos = System.nanoTime() - before;
    vcpus.pause(false);
    return nanos;
  }

  /**
   * Collects what was written, and arms it anew.
   *
   * @return how long that takes, in nanoseconds
   */
  public long collectNanos() {
    pages.clear();
    long before = System.nanoTime();
    tracker.collect(pages);
    return System.nanoTime() - before;
  }

  /**
   * What the last collection has found.
   *
   * @return how many pages
   */
  public long collectedPages() {
    return pages.count();
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
