package dev.torpor.vmm.memory;

import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.thread.Worker;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * Brings the pages of a guest's memory in when they are missed.
 *
 * <pre>
 *            a fault, a Java access, prefetch or fill
 *   missing ------------------------------------------> present
 *      |   read from the source, verified, UFFDIO_COPY
 *      | the source fails
 *      v
 *   refused: every access fails, none sees a zero
 * </pre>
 *
 * <p>The memory is anonymous and untouched when the pager is attached. A missed page is supplied
 * first and its waiting thread goes on; then its neighbours follow, as far as they are missing and
 * the source has them together. Java code that accesses a missing page through {@link GuestMemory}
 * brings it in itself, on its own thread: it never faults.
 *
 * <p>When the source fails, the failure is told once, and from then on nothing is supplied any
 * more: the page in question and every other that is missed afterwards are made inaccessible, so
 * that system calls and KVM_RUN on them fail with EFAULT; Java accesses throw {@link
 * PageInException}. A neighbour that cannot be read is left missing: it fails when it is missed.
 *
 * <p>Methods may be called from every thread. {@link #close} comes after the vCPUs and devices that
 * use the memory have ended, and before the memory is closed.
 */
public final class Pager implements AutoCloseable {
  private static final long RETRY_NANOS = 50_000;

  /** How many reads the neighbours of one missed page are worth. */
  private static final int NEIGHBOUR_READS = 8;

  private final GuestMemory memory;
  private final PageSource source;
  private final PagerOptions options;
  private final Consumer<Throwable> listener;
  private final UserFaults faults;
  private final PresentPages present;
  private final FaultRecord record;
  private final AtomicReference<Throwable> failure = new AtomicReference<>();

  /** Brings in what Java code accesses; used under its lock. */
  private final PageIn accessPageIn;

  private final ReentrantLock accessLock = new ReentrantLock();
  private final List<Worker> background = new ArrayList<>();
  private volatile CopyBehind copyBehind;
  private volatile boolean closing;

  private Pager(
      GuestMemory memory,
      PageSource source,
      PagerOptions options,
      UserFaults faults,
      Consumer<Throwable> listener) {
    this.memory = memory;
    this.source = source;
    this.options = options;
    this.faults = faults;
    this.listener = listener;
    present = new PresentPages(memory.pageCount());
    record = new FaultRecord(memory.pageCount(), options.clusterPages(), options.recording());
    accessPageIn = new PageIn(source, faults, present);
  }

  /**
   * Attaches a pager to memory that nobody has touched yet.
   *
   * @param memory anonymous memory, of as many pages as the source
   * @param source where the pages come from
   * @param options how it works
   * @param failure told once, on any thread, when the source has failed; it ends the VM, does not
   *     wait for it to end, and does not touch guest memory
   * @return the pager, which answers faults from now on
   * @throws IllegalArgumentException if the memory is not anonymous, or the source has another size
   * @throws IllegalStateException if the memory has a pager already
   * @throws LinuxException EPERM or ENOSYS if no userfaultfd may be opened; EBUSY if another one
   *     has the memory
   */
  public static Pager attach(
      GuestMemory memory, PageSource source, PagerOptions options, Consumer<Throwable> failure) {
    return attach(memory, source, options, failure, 0);
  }

  /** The same with further features of userfaultfd, for tests. */
  static Pager attach(
      GuestMemory memory,
      PageSource source,
      PagerOptions options,
      Consumer<Throwable> failure,
      long moreFeatures) {
    if (memory.backing() != MemoryBacking.ANONYMOUS) {
      throw new IllegalArgumentException(
          "only anonymous memory is paged, this is " + memory.backing());
    }
    if (source.pageCount() != memory.pageCount()) {
      throw new IllegalArgumentException(
          "a source of %d pages for a memory of %d"
              .formatted(source.pageCount(), memory.pageCount()));
    }
    if (memory.accesses().guard() != null) {
      throw new IllegalStateException("the memory's page faults are answered already");
    }
    UserFaults faults = new UserFaults(memory, true, options.threads(), moreFeatures);
    try {
      Pager pager = new Pager(memory, source, options, faults, failure);
      pager.begin();
      return pager;
    } catch (RuntimeException | Error e) {
      faults.stop();
      faults.close();
      throw e;
    }
  }

  private void begin() {
    List<StripeAnswers> answers = new ArrayList<>();
    for (int i = 0; i < options.threads(); i++) {
      answers.add(new StripeAnswers());
    }
    faults.start(answers::get, "torpor-pager-");
    memory.accesses().setGuard(new Guard());
  }

  /**
   * How many pages have been brought in.
   *
   * @return from 0 to the memory's page count
   */
  public long presentPageCount() {
    return present.count();
  }

  /**
   * Whether every page has been brought in, so that the source is needed no longer.
   *
   * @return whether none is missing
   */
  public boolean isComplete() {
    return present.isComplete();
  }

  /**
   * What went wrong with the source.
   *
   * @return the first failure; empty if there was none
   */
  public Optional<Throwable> failure() {
    return Optional.ofNullable(failure.get());
  }

  /**
   * The pages that were missed in the recorded time, without neighbours and without what was
   * prefetched.
   *
   * @return a new set
   */
  public PageSet recordedFaults() {
    return record.faulted();
  }

  /**
   * The pages to bring in first at a later restore: those that were missed, and the neighbours
   * between them that the guest must have passed over, as it went from one cluster into the next.
   *
   * @return a new set
   */
  public PageSet workingSet() {
    return record.inferred();
  }

  /**
   * Brings pages in before they are missed, in rising order, on a thread of its own.
   *
   * @param pages the pages, of this memory's page count; not kept
   * @return done when all of them are present; with the source's failure, or cancelled by {@link
   *     #close}
   */
  public CompletableFuture<Void> prefetch(PageSet pages) {
    if (pages.pageCount() != memory.pageCount()) {
      throw new IllegalArgumentException("a working set of another memory: " + pages);
    }
    PageSet wanted = new PageSet(pages.pageCount());
    wanted.copyFrom(pages);
    return inBackground("torpor-prefetch", pageIn -> bringInAll(pageIn, wanted));
  }

  /**
   * Brings all pages in, in rising order, on a thread of its own. {@link #presentPageCount} tells
   * how far it is.
   *
   * @return done when no page is missing; with the source's failure, or cancelled by {@link #close}
   */
  public CompletableFuture<Void> fill() {
    return inBackground("torpor-fill", pageIn -> bringInMissing(pageIn, 0, memory.pageCount()));
  }

  private CompletableFuture<Void> inBackground(String name, Consumer<PageIn> work) {
    CompletableFuture<Void> done = new CompletableFuture<>();
    synchronized (background) {
      if (closing) {
        throw new IllegalStateException("the pager is closed");
      }
      background.removeIf(earlier -> earlier.joinBefore(0));
      background.add(Worker.start(name, () -> runInBackground(work, done)));
    }
    return done;
  }

  private void runInBackground(Consumer<PageIn> work, CompletableFuture<Void> done) {
    try {
      work.accept(new PageIn(source, faults, present));
      if (closing) {
        done.cancel(false);
      } else {
        done.complete(null);
      }
    } catch (RuntimeException | Error e) {
      Throwable cause = e instanceof PageInException ? e.getCause() : e;
      fail(cause);
      done.completeExceptionally(cause);
    }
  }

  private void bringInAll(PageIn pageIn, PageSet wanted) {
    long page = wanted.next(0);
    while (page >= 0 && !closing) {
      long end = wanted.nextAbsent(page);
      bringInMissing(pageIn, page, end);
      page = wanted.next(end);
    }
  }

  private void bringInMissing(PageIn pageIn, long from, long end) {
    long page = present.nextMissing(from, end);
    while (page < end && !closing) {
      requireSound(page);
      int count = pageIn.bringIn(page, present.nextPresent(page + 1, end));
      if (count == 0) {
        LockSupport.parkNanos(RETRY_NANOS);
      }
      page = present.nextMissing(page + count, end);
    }
  }

  private void requireSound(long page) {
    Throwable failed = failure.get();
    if (failed != null) {
      throw new PageInException(page, failed);
    }
  }

  private void fail(Throwable cause) {
    if (failure.compareAndSet(null, cause)) {
      listener.accept(cause);
    }
  }

  /**
   * Makes a range present, on the calling thread, which holds the memory's access lock.
   *
   * @throws PageInException if it cannot be
   */
  private void makePresent(long firstPage, long endPage) {
    // Also where all is present: another thread may just be refusing pages.
    requireSound(firstPage);
    long page = present.nextMissing(firstPage, endPage);
    if (page == endPage) {
      return;
    }
    record.add(page);
    accessLock.lock();
    try {
      bringInMissing(accessPageIn, page, endPage);
    } catch (PageInException e) {
      throw e;
    } catch (RuntimeException | Error e) {
      fail(e);
      throw new PageInException(page, e);
    } finally {
      accessLock.unlock();
    }
    if (closing) {
      throw new PageInException(page, new IllegalStateException("the pager is closed"));
    }
  }

  /** Brings in what is missing of a set, on the calling thread. */
  void makePresent(PageSet pages) {
    long page = present.isComplete() ? -1 : pages.next(0);
    while (page >= 0) {
      long end = pages.nextAbsent(page);
      makePresent(page, end);
      page = pages.next(end);
    }
    requireSound(0);
  }

  UserFaults faults() {
    return faults;
  }

  /** Has faults of protected pages, and Java writes, go to a copier; null for none. */
  void setCopyBehind(CopyBehind copier) {
    copyBehind = copier;
  }

  boolean hasCopyBehind() {
    return copyBehind != null;
  }

  /** Asked before Java accesses. */
  final class Guard implements AccessGuard {
    Pager pager() {
      return Pager.this;
    }

    @Override
    public void beforeRead(long offset, long byteCount) {
      makePresent(
          offset / MemoryLayout.PAGE_BYTES, (offset + byteCount - 1) / MemoryLayout.PAGE_BYTES + 1);
    }

    @Override
    public void beforeWrite(long offset, long byteCount) {
      beforeRead(offset, byteCount);
      CopyBehind copier = copyBehind;
      if (copier != null) {
        copier.beforeWrite(offset, byteCount);
      }
    }
  }

  /** Answers one stripe's faults. */
  private final class StripeAnswers implements FaultStripe.Answers {
    private final PageIn pageIn = new PageIn(source, faults, present);

    @Override
    public boolean answer(long page, boolean protectedPage) {
      if (protectedPage) {
        CopyBehind copier = copyBehind;
        return copier == null ? unprotect(page) : copier.answer(page);
      }
      return failure.get() == null ? supply(page) : refuse(page);
    }

    /** A fault of a copy that has ended, unless another has begun meanwhile. */
    private boolean unprotect(long page) {
      long stamp = memory.accesses().lock().readLock();
      try {
        if (copyBehind != null) {
          return false;
        }
        faults.protect(page, 1, false);
        return true;
      } finally {
        memory.accesses().lock().unlockRead(stamp);
      }
    }

    private boolean supply(long page) {
      try {
        if (present.contains(page)) {
          // Brought in meanwhile, which only wakes; or dropped since, and zero by the kernel's
          // rule.
          return faults.supply(page, 1, 0) == 1;
        }
        record.add(page);
        return pageIn.bringIn(page, page + 1) == 1;
      } catch (RuntimeException | Error e) {
        fail(e);
        return refuse(page);
      }
    }

    @Override
    public void afterwards(long page) {
      if (failure.get() != null || present.isComplete() || options.clusterPages() == 1) {
        return;
      }
      long first = page & -options.clusterPages();
      long end = Math.min(memory.pageCount(), first + options.clusterPages());
      try {
        bringInNeighbours(page, end, bringInNeighbours(first, page, NEIGHBOUR_READS));
      } catch (RuntimeException e) {
        // Nobody has missed that page yet. If somebody does, the failure is that one's.
      }
    }

    /** Returns how many reads are left. */
    private int bringInNeighbours(long first, long end, int reads) {
      int left = reads;
      long page = present.nextMissing(first, end);
      while (page < end && left > 0) {
        int count = pageIn.bringIn(page, present.nextPresent(page + 1, end));
        left = count == 0 ? 0 : left - 1;
        page = present.nextMissing(page + count, end);
      }
      return left;
    }

    /**
     * Makes a page inaccessible and lets its waiting threads run into that. Java accesses that
     * found it present before the failure are waited for: they must not be caught in the middle.
     */
    private boolean refuse(long page) {
      long stamp = memory.accesses().lock().writeLock();
      try {
        faults.refuse(page);
        return true;
      } catch (LinuxException e) {
        // ENOMEM: too many mappings. Whoever waits is not given zeroes, but waits on.
        return false;
      } finally {
        memory.accesses().lock().unlockWrite(stamp);
      }
    }
  }

  /**
   * Gives the VM up, as if the source had failed, and does not wait for the source, which may be
   * hanging: whoever waits for a page, and whoever accesses memory from now on, fails. A signal
   * alone brings a vCPU back from a missing page only where KVM waits for it interruptibly: since
   * Linux 6.2, and not where KVM itself walks the guest's page tables.
   *
   * @param cause why; told as the failure unless there was one before
   */
  public void abandon(Throwable cause) {
    fail(cause);
    refuseAll();
  }

  private void refuseAll() {
    long stamp = memory.accesses().lock().writeLock();
    try {
      faults.refuseAll();
    } finally {
      memory.accesses().lock().unlockWrite(stamp);
    }
  }

  /**
   * Stops answering. If pages are missing still, the memory becomes inaccessible as a whole, so
   * that nobody ever reads zeroes in their place. A second call does nothing.
   */
  @Override
  public void close() {
    List<Worker> workers;
    synchronized (background) {
      if (closing) {
        return;
      }
      closing = true;
      workers = List.copyOf(background);
    }
    CopyBehind copier = copyBehind;
    if (copier != null) {
      copier.close();
    }
    workers.forEach(Worker::join);
    faults.stop();
    if (present.isComplete()) {
      memory.accesses().setGuard(null);
    } else {
      failure.compareAndSet(null, new IllegalStateException("the pager is closed"));
      refuseAll();
    }
    faults.close();
  }
}
