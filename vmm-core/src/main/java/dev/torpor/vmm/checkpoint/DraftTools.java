package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.memory.CopyBehind;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.PageCopy;
import dev.torpor.vmm.memory.PageSet;
import java.time.Duration;
import java.util.List;

/**
 * What one checkpoint after another of a machine is made with: buffers, and the disks' histories.
 */
final class DraftTools implements AutoCloseable {
  /** What copying one page during a pause costs, about: it is seldom in the cache. */
  private static final long COPY_NANOS = 700;

  /** What protecting one run of pages costs, about. */
  private static final long PROTECT_NANOS = 1_000;

  final CheckpointedMachine machine;
  final Store store;
  final PageCopier copier;
  final CopyAhead copyAhead;
  final Staging staging;
  final List<LayeredDisk> disks;
  private final Duration budget;
  private CopyBehind copyBehind;
  private boolean askedToProtect;

  DraftTools(CheckpointedMachine machine, Store store, Duration budget) {
    this.machine = machine;
    this.store = store;
    this.budget = budget;
    this.disks = machine.layeredDisks();
    GuestMemory memory = machine.memory();
    copier = new PageCopier(memory);
    staging = new Staging(memory);
    copyAhead = new CopyAhead(machine.dirtyTracker(), copier, staging, memory.pageCount());
  }

  /**
   * Secures pages during a pause: copies them, or, where there are too many for the budget and that
   * costs less, protects them, to be copied behind the guest's back.
   *
   * @return the copy that is under way; null if all were copied
   */
  PageCopy secure(PageSet pages, ImageWriter writer) {
    long count = pages.count();
    // Half: the kick, the vCPUs and the log take the rest.
    boolean fits = count * COPY_NANOS <= budget.toNanos() / 2;
    if (fits || !protectingIsCheaper(pages, count) || !canProtect()) {
      staging.take(pages);
      return null;
    }
    staging.drop(pages);
    return copyBehind.arm(pages, copier.sinkTo(writer));
  }

  /** Asks once: it takes as long as a protection. */
  private boolean canProtect() {
    if (!askedToProtect) {
      askedToProtect = true;
      copyBehind = CopyBehind.supports(machine.memory()) ? CopyBehind.open(machine.memory()) : null;
    }
    return copyBehind != null;
  }

  /** The disks as a manifest has them. */
  List<DiskImage> describeDisks(List<Image> images) {
    return machine.describeDisks(images);
  }

  private static boolean protectingIsCheaper(PageSet pages, long count) {
    long runs = 0;
    long previous = -2;
    for (long page = pages.next(0); page >= 0; page = pages.next(page + 1)) {
      runs += page == previous + 1 ? 0 : 1;
      previous = page;
    }
    return runs * PROTECT_NANOS < count * COPY_NANOS;
  }

  @Override
  public void close() {
    staging.close();
    if (copyBehind != null) {
      copyBehind.close();
    }
  }
}
