package dev.torpor.vmm.vm;

import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MachineState;
import dev.torpor.vmm.checkpoint.RestoredMemory;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.device.virtio.BlockBackend;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.MemoryRegion;
import dev.torpor.vmm.memory.TrackerKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** A machine's memory and state at one instant, and machines built of them by copying. */
record Replica(MachineState state, List<MemorySegment> memory) {

  /** Of a machine that is paused, or not started. */
  static Replica of(Machine machine) {
    List<MemorySegment> copies = new ArrayList<>();
    for (MemoryRegion region : machine.memory().regions()) {
      MemorySegment copy = Arena.ofAuto().allocate(region.byteSize());
      machine.memory().read(region.gpa(), copy);
      copies.add(copy);
    }
    return new Replica(machine.capture(), copies);
  }

  /** Takes the machine back, in place. */
  void restoreTo(Machine machine, GuestClock clock) {
    fill(machine.memory());
    machine.restore(machine.recorder().prepare(state), clock);
  }

  void fill(GuestMemory target) {
    List<MemoryRegion> regions = target.regions();
    for (int i = 0; i < regions.size(); i++) {
      target.write(regions.get(i).gpa(), memory.get(i));
    }
  }

  /** The first region whose contents differ from the machine's, or -1. */
  long mismatch(Machine machine) {
    List<MemoryRegion> regions = machine.memory().regions();
    for (int i = 0; i < regions.size(); i++) {
      MemorySegment now = Arena.ofAuto().allocate(regions.get(i).byteSize());
      machine.memory().read(regions.get(i).gpa(), now);
      long offset = now.mismatch(memory.get(i));
      if (offset >= 0) {
        return regions.get(i).gpa() + offset;
      }
    }
    return -1;
  }

  Running rebuild(GuestClock clock, BlockBackend... disks) {
    return rebuild(clock, SerialOutput.NONE, disks);
  }

  /** A machine of its own in the same state, that does not run yet. */
  Running rebuild(GuestClock clock, SerialOutput console, BlockBackend... disks) {
    MachinePlan plan = MachinePlan.of(state);
    GuestMemory target =
        GuestMemory.allocate(state.memoryByteSize(), MemoryBacking.ANONYMOUS, true);
    fill(target);
    CompletableFuture<VmExit> exit = new CompletableFuture<>();
    MachineParts parts =
        new MachineParts(
            "replica",
            console,
            TrackerKind.DIRTY_LOG,
            MachineDisks.of(List.of(disks)),
            RestoredMemory.of(target));
    Machine machine = Machine.rebuild(parts, plan, exit::complete);
    try {
      machine.restore(plan.prepared(), clock);
      return new Running(machine, exit);
    } catch (RuntimeException e) {
      machine.close();
      throw e;
    }
  }

  /** A machine without a {@link Vm} around it. */
  record Running(Machine machine, CompletableFuture<VmExit> exit) implements AutoCloseable {
    void start() {
      machine.vcpus().start();
      resume();
    }

    void resume() {
      machine.eventLoop().ifPresent(EventLoop::resume);
      machine.vcpus().resume();
    }

    void pause() {
      machine.vcpus().pause(true);
      machine.eventLoop().ifPresent(EventLoop::quiesce);
    }

    VmExit awaitExit() throws InterruptedException {
      try {
        return exit.get(60, TimeUnit.SECONDS);
      } catch (ExecutionException | TimeoutException e) {
        throw new AssertionError("the guest did not end", e);
      }
    }

    @Override
    public void close() {
      machine.close();
    }
  }
}
