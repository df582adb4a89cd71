package dev.torpor.vmm.vm;

import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.MemoryLayout;
import dev.torpor.vmm.memory.TrackerKind;
import java.util.ArrayList;
import java.util.List;

/**
 * A kind of machine, and what its guest does.
 *
 * <pre>
 *   page tables, image, stacks | workspace of each vCPU | scribbled on by the VMM alone
 * </pre>
 *
 * @param guest the program that all vCPUs run
 * @param tracker how writes are noticed
 * @param backing where its memory lives
 * @param vcpuCount 1 or 2
 * @param pageCount how many pages of memory, more than 3 GiB of them for two memslots
 * @param hugePages whether the host may serve it in huge pages
 */
record FidelitySetup(
    String guest,
    TrackerKind tracker,
    MemoryBacking backing,
    int vcpuCount,
    int pageCount,
    boolean hugePages) {
  static final long PAGE = MemoryLayout.PAGE_BYTES;
  static final int HIGH_PAGES = (int) (MemoryLayout.HOLE_START / PAGE);
  private static final long WORKSPACE_BYTES = 2L << 20;

  /** Few pages, so that a chain of checkpoints is not one of whole memories. */
  private static final long WRITER_BYTES = 200 * PAGE;

  private static final int NODES = 150;

  /** Every tracker and every number of vCPUs, with other differences spread over them. */
  static List<FidelitySetup> all() {
    int odd = (16 << 8) + 37;
    return List.of(
        small("memory-check", TrackerKind.DIRTY_LOG, MemoryBacking.ANONYMOUS, 1, odd, true),
        small("memory-check", TrackerKind.DIRTY_RING, MemoryBacking.ANONYMOUS, 2, odd - 2, true),
        small("memory-check", TrackerKind.WRITE_PROTECT, MemoryBacking.ANONYMOUS, 2, odd, true),
        small("scatter-writer", TrackerKind.WRITE_PROTECT, MemoryBacking.MEMFD, 1, 16 << 8, false),
        small("memory-check", TrackerKind.DIRTY_LOG, MemoryBacking.MEMFD, 2, 17 << 8, false),
        small("page-writer", TrackerKind.DIRTY_RING, MemoryBacking.ANONYMOUS, 1, odd, false),
        small("scatter-writer", TrackerKind.DIRTY_LOG, MemoryBacking.ANONYMOUS, 2, odd, true),
        small("memory-check", TrackerKind.DIRTY_RING, MemoryBacking.ANONYMOUS, 2, twoSlots(), true),
        small("page-writer", TrackerKind.DIRTY_LOG, MemoryBacking.ANONYMOUS, 2, twoSlots(), false));
  }

  private static FidelitySetup small(
      String guest,
      TrackerKind tracker,
      MemoryBacking backing,
      int vcpuCount,
      int pageCount,
      boolean hugePages) {
    return new FidelitySetup(guest, tracker, backing, vcpuCount, pageCount, hugePages);
  }

  private static int twoSlots() {
    return HIGH_PAGES + (16 << 8) + 5;
  }

  boolean hasTwoSlots() {
    return pageCount > HIGH_PAGES;
  }

  /** Its share of the operations: those of a large memory take longer. */
  int parts() {
    return hasTwoSlots() ? 1 : 4;
  }

  long byteSize() {
    return pageCount * PAGE;
  }

  /** Where a page lies. */
  static long gpa(long page) {
    return page < HIGH_PAGES
        ? page * PAGE
        : page * PAGE + MemoryLayout.HOLE_END - MemoryLayout.HOLE_START;
  }

  /** The last vCPU's workspace is in the second memslot, if there are two. */
  private long workspacePage(int vcpu) {
    boolean high = hasTwoSlots() && vcpu == vcpuCount - 1;
    return high ? HIGH_PAGES : (FlatBoot.WORKSPACE_GPA + vcpu * WORKSPACE_BYTES) / PAGE;
  }

  /** The first of the pages that only the VMM writes. */
  int firstScribbledPage() {
    return pageCount - (8 << 8);
  }

  private boolean isWriter() {
    return !guest.equals("memory-check");
  }

  FlatGuest flatGuest() {
    List<FlatArguments> arguments = new ArrayList<>();
    for (int vcpu = 0; vcpu < vcpuCount; vcpu++) {
      long gpa = gpa(workspacePage(vcpu));
      arguments.add(
          isWriter()
              ? new FlatArguments(gpa, WRITER_BYTES, 0, 0, 0, 0)
              : new FlatArguments(gpa, WORKSPACE_BYTES, NODES, vcpu + 1, 0, 64));
    }
    return FlatGuest.named(guest).withVcpus(arguments);
  }

  /**
   * Checks that memory is as it was at one instant, as far as the guest's program lets one tell:
   * the first words of the pages are of one pass up to some page and of the one before after it.
   */
  void requireOneInstant(GuestMemory memory) {
    if (!isWriter()) {
      return;
    }
    for (int vcpu = 0; vcpu < vcpuCount; vcpu++) {
      long first = workspacePage(vcpu);
      long newest = -1;
      boolean turned = false;
      for (long page = 0; page < WRITER_BYTES / PAGE; page++) {
        long pass = pass(memory.readLong(gpa(first + page)), gpa(first + page), page);
        if (newest < 0) {
          newest = pass;
        }
        turned |= pass == newest - 1;
        if (pass != (turned ? newest - 1 : newest)) {
          throw new AssertionError(
              "vCPU %d: page %d is of pass %d, the first of %d"
                  .formatted(vcpu, page, pass, newest));
        }
      }
    }
  }

  /** Which pass wrote a word; none has where it is 0. */
  private long pass(long word, long gpa, long page) {
    if (word == 0) {
      return 0;
    }
    long pass = guest.equals("scatter-writer") ? word >>> 32 : (word ^ 1 ^ gpa) >>> 40;
    long expected = guest.equals("scatter-writer") ? pass << 32 | page : 1 ^ (pass << 40) ^ gpa;
    if (word != expected) {
      throw new AssertionError("a word that no pass writes: 0x%x at 0x%x".formatted(word, gpa));
    }
    return pass;
  }

  @Override
  public String toString() {
    return "%s, %d vCPUs, %s, %s, %d pages%s"
        .formatted(guest, vcpuCount, tracker, backing, pageCount, hugePages ? ", huge" : "");
  }
}
