package dev.torpor.vmm.memory;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.UserFaultFd;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;

/**
 * The userfaultfds of one guest memory. A mapping belongs to one userfaultfd only, so whoever wants
 * faults, the {@link Pager} those of missing pages and {@link CopyBehind} those of protected ones,
 * shares these.
 *
 * <p>The memory is cut into stripes, each with its userfaultfd and its thread, so that several
 * vCPUs are served at once. Stripes begin at multiples of 2 MiB: no huge page and no cluster of
 * neighbours lies in two of them.
 */
final class UserFaults implements AutoCloseable {
  /** What protecting needs: of anonymous memory, of shared memory, of pages that are not there. */
  private static final long PROTECT_FEATURES =
      UserFaultFd.FEATURE_PAGEFAULT_FLAG_WP
          | UserFaultFd.FEATURE_WP_HUGETLBFS_SHMEM
          | UserFaultFd.FEATURE_WP_UNPOPULATED;

  static final int MAX_STRIPES = 4;
  private static final long STRIPE_ALIGNMENT = 512;
  private static final long RETRY_NANOS = 50_000;

  /** What this kernel knows; 0 until it was asked. */
  private static volatile long kernelFeatures;

  private final GuestMemory memory;
  private final FaultStripe[] stripes;
  private final long stripePages;
  private final boolean protects;

  /**
   * Takes over the faults of a memory.
   *
   * @param missing whether those of missing pages too; else only those of protected pages
   * @param stripeCount how many stripes at most
   * @param moreFeatures features besides those that are needed
   * @throws LinuxException EINVAL if the mapping or this kernel cannot; EBUSY if another
   *     userfaultfd has the memory
   */
  UserFaults(GuestMemory memory, boolean missing, int stripeCount, long moreFeatures) {
    this.memory = memory;
    protects = !missing || kernelProtects();
    long pageCount = memory.pageCount();
    stripePages =
        Math.ceilDiv(Math.ceilDiv(pageCount, stripeCount), STRIPE_ALIGNMENT) * STRIPE_ALIGNMENT;
    stripes = new FaultStripe[(int) Math.ceilDiv(pageCount, stripePages)];
    long features = moreFeatures | (protects ? PROTECT_FEATURES : 0);
    long mode = (missing ? UserFaultFd.MODE_MISSING : 0) | (protects ? UserFaultFd.MODE_WP : 0);
    long address = memory.mapping().address();
    try {
      for (int i = 0; i < stripes.length; i++) {
        long first = i * stripePages;
        long end = Math.min(pageCount, first + stripePages);
        stripes[i] = new FaultStripe(address, first, end, features, mode);
      }
    } catch (RuntimeException | Error e) {
      close();
      throw e;
    }
  }

  /** Asks the kernel once: it takes a userfaultfd that is good for nothing else. */
  private static boolean kernelProtects() {
    long features = kernelFeatures;
    if (features == 0) {
      features = UserFaultFd.supportedFeatures();
      kernelFeatures = features;
    }
    return (features & PROTECT_FEATURES) == PROTECT_FEATURES;
  }

  /** Starts the threads; each stripe has its own answers. */
  void start(IntFunction<FaultStripe.Answers> answers, String name) {
    for (int i = 0; i < stripes.length; i++) {
      stripes[i].start(answers.apply(i), name + i);
    }
  }

  /** Whether pages can be protected against writes. */
  boolean protects() {
    return protects;
  }

  private FaultStripe stripeOf(long page) {
    return stripes[(int) (page / stripePages)];
  }

  /** Where the stripe of a page ends, beyond which no range may reach that begins with the page. */
  long stripeEnd(long page) {
    return stripeOf(page).endPage;
  }

  /**
   * Supplies missing pages of one stripe, and wakes who waits for them. A page that is there
   * already is left as it is.
   *
   * @param source the HVA of their contents; 0 for zeroes
   * @return how many are there now, from the first on; fewer than asked if the mapping is changing
   */
  long supply(long firstPage, long count, long source) {
    FaultStripe stripe = stripeOf(firstPage);
    UserFaultFd faults = stripe.faults();
    long done = 0;
    while (done < count) {
      long target = stripe.hva(firstPage + done);
      long byteCount = (count - done) * MemoryLayout.PAGE_BYTES;
      long result =
          source == 0
              ? faults.zeroPage(target, byteCount, 0)
              : faults.copy(target, source + done * MemoryLayout.PAGE_BYTES, byteCount, 0);
      if (result >= 0) {
        done += result / MemoryLayout.PAGE_BYTES;
      } else if (result == -Errno.EEXIST) {
        faults.wake(target, MemoryLayout.PAGE_BYTES);
        done++;
      } else {
        break;
      }
    }
    return done;
  }

  /**
   * Makes every access to a missing page fail: system calls and KVM_RUN on it return EFAULT, and
   * never see zeroes. (UFFDIO_POISON would not do: KVM answers it with SIGBUS to the vCPU's thread,
   * which ends the process.)
   */
  void refuse(long page) {
    long offset = page * MemoryLayout.PAGE_BYTES;
    memory.mapping().protect(offset, MemoryLayout.PAGE_BYTES, 0);
    FaultStripe stripe = stripeOf(page);
    stripe.faults().wake(stripe.hva(page), MemoryLayout.PAGE_BYTES);
  }

  /** Makes every access to the memory fail, and those that wait. */
  void refuseAll() {
    memory.mapping().protect(0, memory.byteSize(), 0);
    for (FaultStripe stripe : stripes) {
      long byteCount = (stripe.endPage - stripe.firstPage) * MemoryLayout.PAGE_BYTES;
      stripe.faults().wake(stripe.hva(stripe.firstPage), byteCount);
    }
  }

  /** Protects pages against writes, or ends that and wakes who waits. */
  void protect(long firstPage, long count, boolean on) {
    long page = firstPage;
    long end = firstPage + count;
    while (page < end) {
      FaultStripe stripe = stripeOf(page);
      long part = Math.min(end, stripe.endPage) - page;
      protectInStripe(stripe, page, part, on);
      page += part;
    }
  }

  private static void protectInStripe(FaultStripe stripe, long page, long count, boolean on) {
    while (true) {
      try {
        stripe.faults().writeProtect(stripe.hva(page), count * MemoryLayout.PAGE_BYTES, on);
        return;
      } catch (LinuxException e) {
        // EAGAIN: the mapping is changing, for a moment.
        if (e.errno() != Errno.EAGAIN) {
          throw e;
        }
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }
  }

  /** Ends the threads, and waits for them. */
  void stop() {
    for (FaultStripe stripe : stripes) {
      stripe.stop();
    }
  }

  /** Gives the faults back to the kernel. The threads have been stopped, or were never started. */
  @Override
  public void close() {
    for (FaultStripe stripe : stripes) {
      if (stripe != null) {
        stripe.close();
      }
    }
  }
}
