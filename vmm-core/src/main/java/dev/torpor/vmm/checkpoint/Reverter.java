package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.snapshot.BlockReader;
import dev.torpor.snapshot.Image;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageSet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;

/**
 * Brings a machine back to a checkpoint in place: the pages that differ from it, the disks' maps,
 * the vCPUs and devices. What does not differ is not touched, so the cost follows what was written.
 * Not thread-safe.
 */
final class Reverter {
  private static final int RUN = 64;

  private final CheckpointedMachine machine;
  private final Lineage lineage;
  private final List<DiskHistory> disks;
  private final GuestMemory memory;
  private final PageSet differing;
  private final MemorySegment buffer = Arena.ofAuto().allocate((long) RUN * BYTES, BYTES);

  /** Of the image that was gone back to last: mostly it is gone back to again. */
  private BlockReader reader;

  private Image readerImage;

  Reverter(CheckpointedMachine machine, Lineage lineage, List<DiskHistory> disks) {
    this.machine = machine;
    this.lineage = lineage;
    this.disks = disks;
    this.memory = machine.memory();
    this.differing = new PageSet(memory.pageCount());
  }

  /**
   * Goes back, while nothing is on its way to the store.
   *
   * @param target where to
   * @param state the machine's state there
   * @return for how long the guest stood
   * @throws MachineLostException if the machine can not go on: part of it is old, part of it new
   */
  Duration revert(Position target, MachineState state) {
    prepare(target.memory());
    return machine.whileHeld(
        () -> {
          findDifference(target.memory());
          try {
            loadPages();
            for (int i = 0; i < disks.size(); i++) {
              disks.get(i).revertTo(target.disks().get(i));
            }
            machine.restore(state);
            // What was just written is not the guest's, and in the image already.
            differing.clear();
            machine.dirtyTracker().collect(differing);
          } catch (RuntimeException e) {
            throw new MachineLostException(e);
          }
          lineage.moveTo(target);
        });
  }

  /** Whatever can be done before the guest stands still. */
  private void prepare(Image image) {
    if (readerImage != image) {
      reader = new BlockReader(image, buffer);
      readerImage = image;
    }
    DirtyTracker tracker = machine.dirtyTracker();
    if (!tracker.isStarted()) {
      throw new IllegalStateException("a machine without a checkpoint has nothing to go back to");
    }
  }

  private void findDifference(Image target) {
    differing.clear();
    lineage.copyUnsaved(differing);
    machine.dirtyTracker().collect(differing);
    Image head = lineage.head().memory();
    if (head != target) {
      head.forEachDifference(target, differing::add);
    }
  }

  private void loadPages() {
    long page = differing.next(0);
    while (page >= 0) {
      int count = (int) (Math.min(differing.nextAbsent(page), page + RUN) - page);
      reader.read(page, count);
      memory.writePages(page, buffer.asSlice(0, (long) count * BYTES));
      page = differing.next(page + count);
    }
  }
}
