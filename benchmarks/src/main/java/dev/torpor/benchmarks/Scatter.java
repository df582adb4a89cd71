package dev.torpor.benchmarks;

import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.memory.GuestMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Where a scatter-writer writes: the first word of so many pages, in passes that count from 1, as
 * the C programs have it do.
 *
 * @param workspaceGpa where the first page is
 * @param workspaceBytes how much memory the pages are spread over
 * @param pages how many
 * @param stride bytes from one to the next
 * @param vcpus how many vCPUs share them, each an equal part
 */
public record Scatter(long workspaceGpa, long workspaceBytes, long pages, long stride, int vcpus) {
  private static final int PAGE_BYTES = 4096;
  private static final int CACHE_LINE_BYTES = 64;
  private static final long LOW_MEMORY_END = 3L << 30;
  private static final long HIGH_MEMORY = 4L << 30;
  private static final long POLL_NANOS = 50_000;
  private static final long LONGEST_WAIT_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final byte CONTENTS = 1;

  /**
   * All over a guest's memory or, if it has more than 3 GiB, over what lies beyond.
   *
   * @param memoryByteSize how much memory the guest has
   * @param pages how many pages, for one vCPU
   * @return where
   */
  public static Scatter allOver(long memoryByteSize, long pages) {
    boolean high = memoryByteSize > LOW_MEMORY_END;
    long gpa = high ? HIGH_MEMORY : FlatBoot.WORKSPACE_GPA;
    long bytes = memoryByteSize - (high ? LOW_MEMORY_END : FlatBoot.WORKSPACE_GPA);
    return new Scatter(gpa, bytes, pages, bytes / PAGE_BYTES / pages * PAGE_BYTES, 1);
  }

  /**
   * One after the other, from the beginning of the workspace.
   *
   * @param memoryByteSize how much memory the guest has
   * @param pages how many pages, for one vCPU
   * @return where
   */
  public static Scatter together(long memoryByteSize, long pages) {
    Scatter spread = allOver(memoryByteSize, pages);
    return new Scatter(spread.workspaceGpa, spread.workspaceBytes, pages, PAGE_BYTES, 1);
  }

  /**
   * One word of each cache line, one after the other, of so many pages: all that memory makes of
   * writing them whole.
   *
   * @param memoryByteSize how much memory the guest has
   * @param pages how many pages, for one vCPU
   * @return where; its {@link #pages} are cache lines
   */
  public static Scatter filling(long memoryByteSize, long pages) {
    Scatter spread = allOver(memoryByteSize, pages);
    long lines = pages * PAGE_BYTES / CACHE_LINE_BYTES;
    return new Scatter(spread.workspaceGpa, spread.workspaceBytes, lines, CACHE_LINE_BYTES, 1);
  }

  /**
   * The same pages, written by several vCPUs.
   *
   * @param count of how many vCPUs each writes its part; divides the number of pages
   * @return where
   */
  public Scatter sharedBy(int count) {
    return new Scatter(workspaceGpa, workspaceBytes, pages, stride, count);
  }

  /** So many pages from one to the next, from the beginning of the workspace. */
  static Scatter spaced(long pages, int spacing) {
    long stride = (long) spacing * PAGE_BYTES;
    return new Scatter(FlatBoot.WORKSPACE_GPA, pages * stride, pages, stride, 1);
  }

  private long pagesOfOne() {
    return pages / vcpus;
  }

  private long startOf(int vcpu) {
    return workspaceGpa + vcpu * pagesOfOne() * stride;
  }

  /**
   * Who writes.
   *
   * @return a guest for so many vCPUs
   */
  public FlatGuest guest() {
    List<FlatArguments> each = new ArrayList<>();
    for (int vcpu = 0; vcpu < vcpus; vcpu++) {
      each.add(
          new FlatArguments(startOf(vcpu), workspaceBytes / vcpus, pagesOfOne(), stride, 0, 0));
    }
    return FlatGuest.named("scatter-writer").withVcpus(each);
  }

  /**
   * Gives the pages of the workspace contents of their own that belong to no pass.
   *
   * @param memory the guest's, which does not run yet
   */
  public void fill(GuestMemory memory) {
    memory.fill(workspaceGpa, workspaceBytes, CONTENTS);
    for (long offset = 0; offset < workspaceBytes; offset += PAGE_BYTES) {
      memory.writeLong(workspaceGpa + offset, 0);
    }
  }

  /**
   * Which pass has written the last page.
   *
   * @param memory the guest's
   * @return from 0, the least of all vCPUs'
   */
  public long lastPass(GuestMemory memory) {
    long least = Long.MAX_VALUE;
    for (int vcpu = 0; vcpu < vcpus; vcpu++) {
      least = Math.min(least, lastPass(memory, vcpu));
    }
    return least;
  }

  private long lastPass(GuestMemory memory, int vcpu) {
    long lastPage = startOf(vcpu) + (pagesOfOne() - 1) * stride;
    return memory.readLong(lastPage) >>> Integer.SIZE;
  }

  /**
   * Waits until every page was written after this was called, whichever vCPU is ahead.
   *
   * @param memory the guest's
   * @throws IllegalStateException if that takes longer than a minute
   */
  public void awaitAllWritten(GuestMemory memory) {
    long[] passes = new long[vcpus];
    for (int vcpu = 0; vcpu < vcpus; vcpu++) {
      passes[vcpu] = lastPass(memory, vcpu) + 2; // the first may have begun before
    }
    for (int vcpu = 0; vcpu < vcpus; vcpu++) {
      awaitEndOf(memory, vcpu, passes[vcpu]);
    }
  }

  /**
   * Waits until a pass has written the last page.
   *
   * @param memory the guest's
   * @param pass which
   * @throws IllegalStateException if that takes longer than a minute
   */
  public void awaitEndOf(GuestMemory memory, long pass) {
    for (int vcpu = 0; vcpu < vcpus; vcpu++) {
      awaitEndOf(memory, vcpu, pass);
    }
  }

  private void awaitEndOf(GuestMemory memory, int vcpu, long pass) {
    long start = System.nanoTime();
    while (lastPass(memory, vcpu) < pass) {
      LockSupport.parkNanos(POLL_NANOS);
      if (System.nanoTime() - start > LONGEST_WAIT_NANOS) {
        throw new IllegalStateException("the guest did not end pass " + pass);
      }
    }
  }
}
