package dev.torpor.vmm.vm;

import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.vmm.checkpoint.CheckpointedMachine;
import dev.torpor.vmm.checkpoint.MachineRecorder;
import dev.torpor.vmm.cpu.VcpuTask;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A machine in its life, for who takes checkpoints of it. */
record HeldMachine(Lifecycle life) implements CheckpointedMachine {
  @Override
  public GuestMemory memory() {
    return machine().memory();
  }

  @Override
  public DirtyTracker dirtyTracker() {
    return machine().dirtyTracker();
  }

  @Override
  public List<LayeredDisk> layeredDisks() {
    return machine().disks().layered();
  }

  @Override
  public List<DiskImage> describeDisks(List<Image> images) {
    return machine().disks().describe(images);
  }

  @Override
  public Duration whileHeld(Optional<VcpuTask> first, Runnable action) {
    return life.whileHeld(first, action);
  }

  @Override
  public MachineRecorder recorder() {
    return machine().recorder();
  }

  private Machine machine() {
    return life.machine();
  }
}
