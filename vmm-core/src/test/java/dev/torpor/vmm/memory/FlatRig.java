package dev.torpor.vmm.memory;

import dev.torpor.kvm.Kvm;
import dev.torpor.kvm.MemorySlot;
import dev.torpor.kvm.VcpuFd;
import dev.torpor.kvm.VmFd;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuests;
import dev.torpor.vmm.cpu.VcpuGroup;
import dev.torpor.vmm.cpu.VcpuRegisters;
import dev.torpor.vmm.device.Bus;
import dev.torpor.vmm.device.Doorbell;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** vCPUs of a flat guest over any guest memory. Ends when each of them has rung EXIT. */
final class FlatRig implements AutoCloseable {
  private final Kvm kvm = Kvm.open();
  private final VmFd vm = kvm.createVm();
  private final VcpuGroup vcpus;
  private final Set<Thread> exited = ConcurrentHashMap.newKeySet();
  final CompletableFuture<VmExit> exit = new CompletableFuture<>();
  final Doorbell doorbell;

  FlatRig(GuestMemory memory, BootState boot) {
    Bus mmio = new Bus("MMIO");
    int count = boot.entries().size();
    doorbell = new Doorbell(code -> exited(code, count));
    mmio.attach(Doorbell.GPA, Doorbell.BYTE_SIZE, doorbell);
    vm.setMemorySlot(new MemorySlot(0, 0, 0, memory.byteSize(), memory.address()));
    vcpus = new VcpuGroup("rig", new Bus("I/O port"), mmio, () -> {}, this::end);
    for (int id = 0; id < count; id++) {
      VcpuFd vcpu = vm.createVcpu(id);
      vcpus.add(vcpu);
      vcpu.setCpuid(kvm.supportedCpuid());
      VcpuRegisters.load(vcpu, boot.entries().get(id));
    }
  }

  /** Writes a flat guest into memory. */
  static BootState load(GuestMemory memory, String guest, int vcpuCount, long... arguments) {
    return FlatBoot.load(
        memory,
        FlatGuests.named(guest),
        FlatBoot.shareMemory(
            memory, vcpuCount, arguments[0], arguments[1], arguments[2], arguments[3]));
  }

  private void exited(long code, int count) {
    exited.add(Thread.currentThread());
    if (code != 0 || exited.size() == count) {
      end(new VmExit.GuestExited(code, 0));
    }
  }

  /** Ends the guest, from any thread; the first reason counts. */
  void end(VmExit reason) {
    if (exit.complete(reason)) {
      vcpus.requestStop();
    }
  }

  void start() {
    vcpus.start();
    vcpus.resume();
  }

  void pause() {
    vcpus.pause(false);
  }

  void resume() {
    vcpus.resume();
  }

  VmExit run() throws Exception {
    start();
    return exit.get(60, TimeUnit.SECONDS);
  }

  /** Ends the threads; returns when they have. */
  void stop() {
    vcpus.requestStop();
    vcpus.join();
  }

  @Override
  public void close() {
    vcpus.close();
    vm.close();
    kvm.close();
  }
}
