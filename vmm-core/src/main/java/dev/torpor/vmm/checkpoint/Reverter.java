package dev.torpor.vmm.checkpoint;

import static dev.torpor.snapshot.Blocks.BYTES;

import dev.torpor.snapshot.BlockReader;
import dev.torpor.snapshot.Image;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.memory.TrackerKind;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/**
 * Brings a machine back to a checkpoint in place: the pages that differ from it, the disks' maps,
 * the vCPUs and devices. What does not differ is not touched, so the cost follows what was written.
 * Not thread-safe.
 *
 * <p>The pages and the disks' maps are read and verified before anything of the machine is changed:
 * a damaged checkpoint does no harm to a machine that was to enter it.
 */
final class Reverter {
  /** How many pages are read at once. */
  private static final int ROOM = 256;

  private final CheckpointedMachine machine;
  private final Lineage lineage;
  private final List<LayeredDisk> disks;
  private final GuestMemory memory;
  private final PageSet differing;

  /** Those of them that there is no copy of. */
  private final PageSet missing;

  private final PageCopies copies;
  private final long[] pages = new long[ROOM];
  private int count;
  private final MemorySegment room = Arena.ofAuto().allocate((long) ROOM * BYTES, BYTES);

  /** Of the image that was entered last: mostly it is entered again. */
  private BlockReader reader;

  private Image readerImage;

  Reverter(CheckpointedMachine machine, Lineage lineage) {
    this.machine = machine;
    this.lineage = lineage;
    this.disks = machine.layeredDisks();
    this.memory = machine.memory();
    this.differing = new PageSet(memory.pageCount());
    this.missing = new PageSet(memory.pageCount());
    this.copies = new PageCopies(memory.pageCount());
  }

  /**
   * Goes back, while nothing is on its way to the store.
   *
   * @param target where to
   * @param state the machine's state there, prepared by its own recorder
   * @throws MachineLostException if the machine cannot go on: part of it is old, part of it new
   * @throws RuntimeException if the checkpoint cannot be read; the machine goes on as it was
   */
  void revert(Position target, PreparedState state) {
    if (readerImage != target.memory()) {
      reader = new BlockReader(target.memory(), room);
      readerImage = target.memory();
      copies.clear();
    }
    machine.whileHeld(Optional.empty(), () -> enter(target, state));
  }

  private void enter(Position target, PreparedState state) {
    differing.clear();
    try {
      findDifference(target.memory());
      readAll();
      for (int i = 0; i < disks.size(); i++) {
        disks.get(i).requireReadable(target.disks().get(i));
      }
    } catch (RuntimeException | Error e) {
      // The tracker has told, and will not tell again.
      lineage.giveBack(differing);
      throw e;
    }
    try {
      machine.recorder().restore(state, GuestClock.CONTINUE, () -> load(target));
      forgetWrites();
    } catch (RuntimeException e) {
      throw new MachineLostException(e);
    }
    lineage.moveTo(target);
  }

  private void findDifference(Image target) {
    lineage.copyUnsaved(differing);
    if (machine.dirtyTracker().isStarted()) {
      machine.dirtyTracker().collect(differing);
    } else {
      PopulatedPages.addTo(differing, memory);
    }
    lineage.head().memory().forEachDifference(target, differing::add);
  }

  /**
   * Reads and verifies all pages of which there is no verified copy yet, and keeps as many as there
   * is room for: mostly a machine goes back to one checkpoint again and again, and the same pages
   * differ from it. The rest is read once more.
   */
  private void readAll() {
    missing.copyFrom(differing);
    copies.removeHeld(missing);
    long page = missing.next(0);
    while (page >= 0) {
      page = readSome(missing, page);
      int held = copies.hold(pages, count, room);
      for (int i = 0; i < held; i++) {
        missing.remove(pages[i]);
      }
    }
  }

  private void load(Position target) {
    loadMemory();
    for (int i = 0; i < disks.size(); i++) {
      disks.get(i).revertTo(target.disks().get(i));
    }
  }

  private void loadMemory() {
    for (long page = differing.next(0); page >= 0; page = differing.next(page + 1)) {
      if (!missing.contains(page)) {
        memory.writePages(page, copies.get(page));
      }
    }
    long page = missing.next(0);
    while (page >= 0) {
      page = readSome(missing, page);
      for (int i = 0; i < count; i++) {
        memory.writePages(pages[i], room.asSlice((long) i * BYTES, BYTES));
      }
    }
  }

  /** Reads as many pages as there is room for; returns the first that is left, or -1. */
  private long readSome(PageSet wanted, long from) {
    count = 0;
    long page = from;
    while (page >= 0 && count < ROOM) {
      pages[count++] = page;
      page = wanted.next(page + 1);
    }
    reader.read(pages, count);
    return page;
  }

  /** What was just loaded is in the image; a tracker that has seen it shall not report it. */
  private void forgetWrites() {
    DirtyTracker tracker = machine.dirtyTracker();
    boolean sawThem = tracker.kind() == TrackerKind.WRITE_PROTECT || !tracker.isStarted();
    tracker.start();
    if (sawThem) {
      differing.clear();
      tracker.collect(differing);
    }
  }
}
