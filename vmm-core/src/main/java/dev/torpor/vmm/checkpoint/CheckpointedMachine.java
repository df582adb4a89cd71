package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.vmm.cpu.VcpuTask;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** A machine as those see it who take checkpoints of it and bring it back to them. */
public interface CheckpointedMachine {
  /**
   * The guest's memory.
   *
   * @return the memory
   */
  GuestMemory memory();

  /**
   * Notices what is written to the memory.
   *
   * @return the tracker
   */
  DirtyTracker dirtyTracker();

  /**
   * The disks that are written to.
   *
   * @return the disks, in order
   */
  List<LayeredDisk> layeredDisks();

  /**
   * Says what a manifest keeps of the disks, the read-only ones too.
   *
   * @param images of the disks that are written to, in order
   * @return all disks, in order
   */
  List<DiskImage> describeDisks(List<Image> images);

  /**
   * Does something while nothing of the machine moves: no vCPU runs, no device is at work.
   *
   * @param first what each vCPU's thread does as soon as that has left the guest, where others may
   *     still be; of a machine that runs
   * @param action what to do; a throw of it is passed on, after the machine goes on
   * @return for how long the guest stood; zero if it was paused before
   */
  Duration whileHeld(Optional<VcpuTask> first, Runnable action);

  /**
   * What captures and restores all but memory and the disks' contents.
   *
   * @return the recorder
   */
  MachineRecorder recorder();
}
