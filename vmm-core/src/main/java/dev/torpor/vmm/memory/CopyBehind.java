package dev.torpor.vmm.memory;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import dev.torpor.vmm.thread.Worker;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;

/**
 * Copies pages as they were at a pause, while the guest runs on.
 *
 * <pre>
 *          arm           claim                       copy, unprotect
 *   free --------> pending ----------> being copied ------------------> free
 *                     copier: in order
 *                     fault handler, Java writer: before an overwrite
 * </pre>
 *
 * <p>{@link #arm} protects the pages of a set, and no others, against writes. A thread of its own
 * copies them in rising order and hands them to the sink. Where the guest writes to one sooner, the
 * fault handler copies that page aside first; a Java write through {@link GuestMemory} does so on
 * its own thread. Of all these exactly one claims a page, copies it and ends its protection. Side
 * pages are limited; when they are used up, a guest that writes to a protected page waits until the
 * copier comes by.
 *
 * <p>Whoever ends protection holds the memory's access lock for reading, and arming holds it for
 * writing: no late end of an earlier protection can fall into a new one, and no Java write that
 * found its page free can meet it protected.
 *
 * <p>Methods may be called from every thread. One copy is under way at a time.
 */
public final class CopyBehind implements AutoCloseable {
  /** How many pages the copier takes at a time where it cannot take a huge page. */
  private static final int CHUNK_PAGES = 64;

  private static final int HUGE_PAGE_PAGES = 512;
  private static final int SIDE_PAGES = 1024;
  private static final long IDLE_NANOS = 50_000;

  private final GuestMemory memory;
  private final MemorySegment ram;
  private final UserFaults faults;

  /** Null where the userfaultfds are this object's own. */
  private final Pager pager;

  /** Pages to be copied that nobody has claimed. */
  private final PageBits pending;

  /** Pages that are protected, or may be. */
  private final PageBits guarded;

  private final SidePages side = new SidePages(SIDE_PAGES);

  /** What Java writers put aside when the side pages were used up. */
  private final ConcurrentLinkedQueue<Overflow> overflow = new ConcurrentLinkedQueue<>();

  private final Mapping chunk =
      Mapping.anonymous(HUGE_PAGE_PAGES * MemoryLayout.PAGE_BYTES, Mapping.MAP_NORESERVE);
  private Worker copier;
  private volatile PageCopy current;
  private volatile boolean closing;

  private record Overflow(long page, MemorySegment contents) {}

  private CopyBehind(GuestMemory memory, Pager pager, UserFaults faults) {
    this.memory = memory;
    this.ram = memory.mapping().segment();
    this.pager = pager;
    this.faults = faults;
    pending = new PageBits(memory.pageCount());
    guarded = new PageBits(memory.pageCount());
  }

  /**
   * Whether a memory's pages can be copied this way: it is anonymous or a memfd, no private mapping
   * of a file and not on hugetlbfs; nobody else answers its write faults, as asynchronous
   * write-protection does; and the kernel has userfaultfd with write-protection of pages that are
   * not there yet (Linux 6.4). Takes about as long as protecting the memory; ask once.
   *
   * @param memory the memory
   * @return whether {@link #open} will succeed
   */
  public static boolean supports(GuestMemory memory) {
    if (memory.accesses().guard() instanceof Pager.Guard paged) {
      return paged.pager().faults().protects() && !paged.pager().hasCopyBehind();
    }
    if (memory.accesses().guard() != null || memory.backing() == MemoryBacking.HUGETLBFS) {
      return false;
    }
    try (UserFaults _ = new UserFaults(memory, false, 1, 0)) {
      return true;
    } catch (LinuxException e) {
      return false;
    }
  }

  /**
   * Prepares for copies of a memory. Where a {@link Pager} answers its faults, that one's
   * userfaultfds are shared; else the memory is registered with userfaultfds of its own. The VM is
   * paused or has not begun.
   *
   * @param memory the memory
   * @return the copier, to be closed before the pager and the memory
   * @throws IllegalStateException if the memory cannot be copied so
   * @throws LinuxException if a userfaultfd cannot be had
   */
  public static CopyBehind open(GuestMemory memory) {
    if (!supports(memory)) {
      throw new IllegalStateException(
          "memory of kind %s cannot be write-protected here: it maps a file, is on huge pages, or"
                  .formatted(memory.backing())
              + " another userfaultfd has it");
    }
    if (memory.accesses().guard() instanceof Pager.Guard paged) {
      return new CopyBehind(memory, paged.pager(), paged.pager().faults()).begin();
    }
    UserFaults faults = new UserFaults(memory, false, UserFaults.MAX_STRIPES, 0);
    try {
      return new CopyBehind(memory, null, faults).begin();
    } catch (RuntimeException | Error e) {
      faults.stop();
      faults.close();
      throw e;
    }
  }

  /** The copier first: until it has a job it does nothing, so it is easily taken back. */
  private CopyBehind begin() {
    try {
      copier = Worker.start("torpor-copier", this::copyJobs);
      if (pager != null) {
        pager.setCopyBehind(this);
      } else {
        faults.start(_ -> new OwnAnswers(), "torpor-overwrites-");
        memory.accesses().setGuard(new Guard());
      }
      return this;
    } catch (RuntimeException | Error e) {
      closing = true;
      endCopier();
      freeBuffers();
      throw e;
    }
  }

  private void endCopier() {
    if (copier != null) {
      copier.unpark();
      copier.join();
    }
  }

  private void freeBuffers() {
    chunk.close();
    side.close();
  }

  /**
   * Protects pages and begins to copy them. The VM is paused. Pages of a paged VM that are missing
   * are brought in first, which is better done before the pause.
   *
   * @param pages the pages, of this memory's page count; not kept
   * @param sink takes the pages' contents as they are now, each page once, in no particular order,
   *     on one thread; what it throws ends the copy
   * @return the copy under way
   * @throws IllegalStateException if the last copy is not done, or this object is closed
   * @throws PageInException if a missing page cannot be brought in
   * @throws LinuxException if the pages cannot be protected; none is then
   */
  public PageCopy arm(PageSet pages, PageSink sink) {
    if (pager != null) {
      pager.makePresent(pages);
    }
    long stamp = memory.accesses().lock().writeLock();
    try {
      PageCopy last = current;
      if (closing || (last != null && !last.isDone())) {
        throw new IllegalStateException(closing ? "closed" : "the last copy is still under way");
      }
      PageCopy copy = new PageCopy(this, sink, pages.count());
      protect(pages);
      current = copy;
      copier.unpark();
      return copy;
    } finally {
      memory.accesses().lock().unlockWrite(stamp);
    }
  }

  private void protect(PageSet pages) {
    long page = pages.next(0);
    try {
      while (page >= 0) {
        long end = pages.nextAbsent(page);
        guarded.set(page, end - page);
        pending.set(page, end - page);
        faults.protect(page, end - page, true);
        page = pages.next(end);
      }
    } catch (LinuxException e) {
      releasePending();
      throw e;
    }
  }

  /** Ends the protection of all that nobody has claimed. The access lock is held. */
  private void releasePending() {
    long pageCount = memory.pageCount();
    long page = pending.nextSet(0, pageCount);
    while (page < pageCount) {
      long end = claimRun(page, pageCount);
      if (end > page) {
        unprotect(page, end);
      }
      page = pending.nextSet(Math.max(end, page + 1), pageCount);
    }
  }

  /** Claims pages from the first on, until one is not pending; returns where that is. */
  private long claimRun(long first, long limit) {
    long page = first;
    while (page < limit && pending.clear(page)) {
      page++;
    }
    return page;
  }

  /** Claimed pages may be written again, and who waits for that goes on. */
  private void unprotect(long first, long end) {
    try {
      faults.protect(first, end - first, false);
    } finally {
      for (long page = first; page < end; page++) {
        guarded.clear(page);
      }
    }
  }

  /** Cancels a copy; called by it. Returns when nothing is protected and the sink is done. */
  void cancel(PageCopy copy) {
    endEarly(copy);
    copier.unpark();
    copy.awaitEnd();
  }

  private void endEarly(PageCopy copy) {
    copy.stop();
    long stamp = memory.accesses().lock().readLock();
    try {
      if (current == copy) {
        releasePending();
      }
    } finally {
      memory.accesses().lock().unlockRead(stamp);
    }
  }

  /**
   * Answers a write to a protected page, on a fault handler's thread.
   *
   * @return true: whoever has claimed the page wakes its writer, as does the copier for one that is
   *     pending still because the side pages are used up
   */
  boolean answer(long page) {
    long stamp = memory.accesses().lock().readLock();
    try {
      if (pending.get(page)) {
        putAside(page);
      } else if (!guarded.get(page)) {
        faults.protect(page, 1, false);
      }
    } catch (LinuxException e) {
      PageCopy copy = current;
      if (copy != null) {
        copy.fail(e);
      }
    } finally {
      memory.accesses().lock().unlockRead(stamp);
    }
    return true;
  }

  private void putAside(long page) {
    int slot = side.reserve();
    if (slot < 0) {
      return;
    }
    if (pending.clear(page)) {
      side.put(slot, page, ram);
      unprotect(page, page + 1);
      current.countOverwritten();
    } else {
      side.release(slot);
    }
  }

  /** Returns once a range may be written, on a Java thread that holds the access lock. */
  void beforeWrite(long offset, long byteCount) {
    PageCopy copy = current;
    if (copy == null || copy.isDone()) {
      return;
    }
    long end = (offset + byteCount - 1) / MemoryLayout.PAGE_BYTES + 1;
    long page = guarded.nextSet(offset / MemoryLayout.PAGE_BYTES, end);
    while (page < end) {
      if (pending.get(page)) {
        putAside(page);
      }
      if (pending.clear(page)) {
        overflow(page);
      }
      while (guarded.get(page)) {
        // Claimed by a thread that holds the access lock too, and is done in microseconds.
        LockSupport.parkNanos(IDLE_NANOS);
      }
      page = guarded.nextSet(page + 1, end);
    }
  }

  /** A Java writer cannot wait for the copier, which may wait for the lock that it holds. */
  private void overflow(long page) {
    MemorySegment copy = Arena.ofAuto().allocate(MemoryLayout.PAGE_BYTES);
    copy.copyFrom(ram.asSlice(page * MemoryLayout.PAGE_BYTES, MemoryLayout.PAGE_BYTES));
    overflow.add(new Overflow(page, copy));
    unprotect(page, page + 1);
    current.countOverwritten();
  }

  private void copyJobs() {
    while (!closing) {
      PageCopy copy = current;
      if (copy == null || copy.isDone()) {
        LockSupport.park(this);
      } else {
        runJob(copy);
      }
    }
    PageCopy last = current;
    if (last != null && !last.isDone()) {
      runJob(last);
    }
  }

  private void runJob(PageCopy copy) {
    try {
      copyAll(copy);
    } catch (RuntimeException | Error e) {
      copy.fail(e);
    }
    try {
      if (!copy.isComplete()) {
        endEarly(copy);
      }
    } catch (LinuxException e) {
      copy.fail(e);
    } finally {
      awaitClaims();
      dropAside();
      copy.end();
    }
  }

  private void copyAll(PageCopy copy) {
    long page = 0;
    while (!copy.isStopped() && !copy.isComplete()) {
      boolean idle = !passOnAside(copy);
      page = pending.nextSet(page, memory.pageCount());
      if (page < memory.pageCount()) {
        page = copyChunk(copy, page);
      } else if (idle && !copy.isComplete()) {
        LockSupport.parkNanos(IDLE_NANOS);
      }
    }
  }

  /** Returns the page behind those that were copied. */
  private long copyChunk(PageCopy copy, long first) {
    long end = first;
    long stamp = memory.accesses().lock().readLock();
    try {
      end = claimRun(first, first + chunkPages(first));
      if (end > first) {
        MemorySegment.copy(
            ram,
            first * MemoryLayout.PAGE_BYTES,
            chunk.segment(),
            0,
            (end - first) * MemoryLayout.PAGE_BYTES);
        unprotect(first, end);
      }
    } finally {
      memory.accesses().lock().unlockRead(stamp);
    }
    if (end > first) {
      copy.passOn(first, chunk.segment().asSlice(0, (end - first) * MemoryLayout.PAGE_BYTES));
    }
    return Math.max(end, first + 1);
  }

  /** A whole huge page is unprotected at once, so that it need not be split. */
  private long chunkPages(long first) {
    long left = memory.pageCount() - first;
    boolean huge =
        first % HUGE_PAGE_PAGES == 0
            && left >= HUGE_PAGE_PAGES
            && pending.nextClear(first, first + HUGE_PAGE_PAGES) == first + HUGE_PAGE_PAGES;
    return huge ? HUGE_PAGE_PAGES : Math.min(left, CHUNK_PAGES);
  }

  private boolean passOnAside(PageCopy copy) {
    boolean any = false;
    for (int slot = side.fetch(); slot >= 0; slot = side.fetch()) {
      any = true;
      try {
        copy.passOn(side.pageOf(slot), side.contentsOf(slot));
      } finally {
        side.release(slot);
      }
    }
    for (Overflow put = overflow.poll(); put != null; put = overflow.poll()) {
      any = true;
      copy.passOn(put.page(), put.contents());
    }
    return any;
  }

  /** Those who claimed a page hold the lock until they have put it aside. */
  private void awaitClaims() {
    memory.accesses().lock().unlockWrite(memory.accesses().lock().writeLock());
  }

  private void dropAside() {
    for (int slot = side.fetch(); slot >= 0; slot = side.fetch()) {
      side.release(slot);
    }
    overflow.clear();
  }

  /** Cancels a copy that is under way, and gives the memory's faults back. */
  @Override
  public void close() {
    long stamp = memory.accesses().lock().writeLock();
    try {
      if (closing) {
        return;
      }
      closing = true;
    } finally {
      memory.accesses().lock().unlockWrite(stamp);
    }
    PageCopy copy = current;
    if (copy != null) {
      endEarly(copy);
    }
    endCopier();
    if (pager != null) {
      pager.setCopyBehind(null);
    } else {
      faults.stop();
      memory.accesses().setGuard(null);
      faults.close();
    }
    freeBuffers(); // the answers to faults put pages aside there
  }

  /** Answers the faults of userfaultfds that know no missing pages. */
  private final class OwnAnswers implements FaultStripe.Answers {
    @Override
    public boolean answer(long page, boolean protectedPage) {
      return CopyBehind.this.answer(page);
    }

    @Override
    public void afterwards(long page) {}
  }

  /** Asked before Java accesses. */
  private final class Guard implements AccessGuard {
    @Override
    public void beforeRead(long offset, long byteCount) {}

    @Override
    public void beforeWrite(long offset, long byteCount) {
      CopyBehind.this.beforeWrite(offset, byteCount);
    }
  }
}
