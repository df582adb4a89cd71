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
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.PageSource;
import dev.torpor.vmm.memory.Pager;
import dev.torpor.vmm.memory.PagerOptions;
import java.time.Duration;

/** A scatter-writer with one vCPU, in memory of which no page is there yet. */
public final class FaultingGuest implements AutoCloseable {
  private final GuestMemory memory;
  private final Pager pager;
  private final Kvm kvm = Kvm.open();
  private final VmFd vm = kvm.createVm();
  private final VcpuGroup vcpus;

  /**
   * Makes one, at its first instruction.
   *
   * @param scatter where it writes
   * @param memoryByteSize how much memory it has
   * @param source what its pages hold: its program already, at the same place
   * @param clusterPages how many are brought in together
   */
  public FaultingGuest(Scatter scatter, long memoryByteSize, PageSource source, int clusterPages) {
    memory = GuestMemory.allocate(memoryByteSize, MemoryBacking.ANONYMOUS, false);
    pager =
        Pager.attach(
            memory,
            source,
            new PagerOptions(1, clusterPages, Duration.ZERO),
            failure -> {
              throw new AssertionError("a page could not be brought in", failure);
            });
    vm.setMemorySlot(new MemorySlot(0, 0, 0, memoryByteSize, memory.hva(0, memoryByteSize)));
    vcpus =
        new VcpuGroup(
            "faulting-guest",
            new Bus("I/O port"),
            new Bus("MMIO"),
            () -> {
              throw new AssertionError("a dirty ring is full, but there are none");
            },
            exit -> {
              throw new AssertionError("the guest ended: " + exit.describe());
            });
    BootState boot = scatter.guest().load(memory, 1);
    VcpuFd vcpu = vm.createVcpu(0);
    vcpus.add(vcpu);
    vcpu.setCpuid(Cpuid.of(kvm.supportedCpuid().entries()));
    VcpuRegisters.load(vcpu, boot.entry(0).orElseThrow());
    vcpus.start();
  }

  /** Lets it run. */
  public void run() {
    vcpus.resume();
  }

  @Override
  public void close() {
    vcpus.close();
    pager.close();
    vm.close();
    kvm.close();
    memory.close();
  }
}
