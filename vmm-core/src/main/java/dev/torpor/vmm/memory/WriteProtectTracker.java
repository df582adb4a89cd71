package dev.torpor.vmm.memory;

import dev.torpor.kvm.VcpuFd;
import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.PageMap;
import dev.torpor.linux.UserFaultFd;

/**
 * Protects the memory against writes with a userfaultfd whose faults the kernel resolves itself,
 * and searches the page tables for what lost its protection. One step of the search finds written
 * pages and protects them again. Sees every write, whoever makes it.
 *
 * <p>Pages that are not there yet are protected too; the page tables for them are made, 2 MiB for
 * each GiB, and such pages come as small ones when they are touched.
 */
final class WriteProtectTracker implements DirtyTracker {
  private static final long FEATURES =
      UserFaultFd.FEATURE_PAGEFAULT_FLAG_WP
          | UserFaultFd.FEATURE_WP_HUGETLBFS_SHMEM
          | UserFaultFd.FEATURE_WP_UNPOPULATED
          | UserFaultFd.FEATURE_WP_ASYNC;

  private final GuestMemory memory;
  private final UserFaultFd faults;
  private final PageMap pageMap;
  private volatile boolean started;

  WriteProtectTracker(GuestMemory memory) {
    this.memory = memory;
    this.faults = openFaults();
    try {
      this.pageMap = PageMap.open();
    } catch (LinuxException e) {
      faults.close();
      throw e;
    }
  }

  private static UserFaultFd openFaults() {
    try {
      return UserFaultFd.open(FEATURES);
    } catch (LinuxException e) {
      String reason =
          e.errno() == Errno.EINVAL
              ? "this kernel cannot protect asynchronously, Linux 6.7 or newer is needed"
              : "no userfaultfd may be opened";
      throw new IllegalStateException(
          "tracking by WRITE_PROTECT: %s (%s); DIRTY_LOG works everywhere"
              .formatted(reason, e.getMessage()),
          e);
    }
  }

  @Override
  public TrackerKind kind() {
    return TrackerKind.WRITE_PROTECT;
  }

  @Override
  public void addVcpu(VcpuFd vcpu) {}

  @Override
  public void start() {
    if (started) {
      return;
    }
    register();
    try {
      faults.writeProtect(memory.address(), memory.byteSize(), true);
    } catch (LinuxException e) {
      faults.unregister(memory.address(), memory.byteSize());
      throw e;
    }
    memory.startMarking();
    started = true;
  }

  private void register() {
    try {
      faults.register(memory.address(), memory.byteSize(), UserFaultFd.MODE_WP);
    } catch (LinuxException e) {
      String reason =
          switch (e.errno()) {
            case Errno.EINVAL -> "part of the memory maps a file, which cannot be protected";
            case Errno.EBUSY -> "another userfaultfd has the memory";
            default -> throw e;
          };
      throw new IllegalStateException(
          "tracking by WRITE_PROTECT: %s (%s); use DIRTY_LOG or DIRTY_RING for this VM"
              .formatted(reason, e.getMessage()),
          e);
    }
  }

  @Override
  public boolean isStarted() {
    return started;
  }

  @Override
  public void collect(PageSet target) {
    if (!started) {
      throw new IllegalStateException("dirty pages are collected before tracking was started");
    }
    long first = memory.address();
    long end = first + memory.byteSize();
    for (long at = first; at < end; at = pageMap.walkEnd()) {
      int found =
          pageMap.scan(
              at,
              end,
              PageMap.SCAN_WP_MATCHING | PageMap.SCAN_CHECK_WPASYNC,
              PageMap.PAGE_IS_WRITTEN);
      for (int i = 0; i < found; i++) {
        long start = pageMap.regionStart(i);
        target.addRange(
            (start - first) / MemoryLayout.PAGE_BYTES,
            (pageMap.regionEnd(i) - start) / MemoryLayout.PAGE_BYTES);
      }
    }
    memory.takeWritten(target);
  }

  @Override
  public void makeRoomInRings() {
    throw new IllegalStateException("a dirty ring is full, but there are no rings");
  }

  /** The memory goes back to the kernel with the descriptor. */
  @Override
  public void close() {
    pageMap.close();
    faults.close();
  }
}
