package dev.torpor.vmm.checkpoint;

import dev.torpor.snapshot.WorkingSet;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.memory.PageSource;
import dev.torpor.vmm.memory.Pager;
import dev.torpor.vmm.memory.PagerOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/**
 * The memory of a machine that continues from a checkpoint, with what brings its pages in. For one
 * thread at a time.
 */
public final class RestoredMemory implements AutoCloseable {
  private static final int MAX_RUN = 1 << 20;

  private final GuestMemory memory;
  private final Optional<Pager> pager;

  private RestoredMemory(GuestMemory memory, Optional<Pager> pager) {
    this.memory = memory;
    this.pager = pager;
  }

  /**
   * Takes memory that needs nobody to bring its pages in: filled already, or mapped.
   *
   * @param memory the memory
   * @return the same
   */
  public static RestoredMemory of(GuestMemory memory) {
    return new RestoredMemory(memory, Optional.empty());
  }

  static RestoredMemory paged(
      long byteSize, PageSource source, PagerOptions options, Consumer<Throwable> failure) {
    // Small pages: with a huge one, the first fault would ask for 512 of them.
    GuestMemory memory = GuestMemory.allocate(byteSize, MemoryBacking.ANONYMOUS, false);
    try {
      return new RestoredMemory(
          memory, Optional.of(Pager.attach(memory, source, options, failure)));
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  /**
   * The memory.
   *
   * @return the memory, which the machine closes before this is closed
   */
  public GuestMemory memory() {
    return memory;
  }

  /**
   * Brings in what the guest will touch first, beside the guest.
   *
   * @param workingSet the pages
   */
  public void prefetch(WorkingSet workingSet) {
    if (pager.isPresent()) {
      PageSet pages = new PageSet(memory.pageCount());
      workingSet.runs().forEach(run -> pages.addRange(run.firstPage(), run.pageCount()));
      var _ = pager.get().prefetch(pages); // its failure ends the machine
    } else {
      workingSet.runs().forEach(run -> memory.readAhead(run.firstPage(), run.pageCount()));
    }
  }

  /** Brings in all pages, beside the guest. */
  public void fill() {
    if (pager.isPresent()) {
      var _ = pager.get().fill(); // its failure ends the machine
    } else {
      memory.readAhead(0, memory.pageCount());
    }
  }

  /**
   * The pages that the guest has touched, as far as the kernel tells: with a mapped memory, those
   * too that it mapped around them.
   *
   * @return the pages
   */
  public WorkingSet touched() {
    PageSet pages = new PageSet(memory.pageCount());
    pager.ifPresentOrElse(
        paged -> pages.addAll(paged.workingSet()), () -> PopulatedPages.addTo(pages, memory));
    List<WorkingSet.Run> runs = new ArrayList<>();
    for (long page = pages.next(0); page >= 0; ) {
      long end = Math.min(pages.nextAbsent(page), page + MAX_RUN);
      runs.add(new WorkingSet.Run(page, (int) (end - page)));
      page = pages.next(end);
    }
    return new WorkingSet(runs);
  }

  /** Lets nobody wait any longer for a page: the machine is about to be closed. */
  public void endPaging() {
    pager.ifPresent(
        paged -> {
          if (!paged.isComplete()) {
            paged.abandon(new CancellationException("the VM is being closed"));
          }
        });
  }

  /** Ends the paging, after the vCPUs and devices have ended and before the memory is closed. */
  @Override
  public void close() {
    pager.ifPresent(Pager::close);
  }
}
