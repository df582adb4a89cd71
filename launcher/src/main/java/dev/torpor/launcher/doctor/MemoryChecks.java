package dev.torpor.launcher.doctor;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import dev.torpor.linux.PageMap;
import dev.torpor.linux.UserFaultFd;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What the kernel offers for guest memory: userfaultfd, page tables, huge pages. */
final class MemoryChecks {
  private static final Capability USERFAULTFD =
      Capability.useful(
          "userfaultfd",
          "Userfaultfd",
          "restoring a memory page by page, and copying it behind a running guest",
          "run as root, give this user /dev/userfaultfd, or sysctl vm.unprivileged_userfaultfd=1");
  private static final Capability PAGEMAP_SCAN =
      Capability.useful(
          "pagemap-scan",
          "Page table scan",
          "dirty tracking that sees the writes of devices by itself",
          "Linux 6.7 or newer");
  private static final Capability HUGE_PAGES =
      Capability.useful(
          "transparent-huge-pages",
          "Transparent huge pages",
          "fast first touches: 2 MiB instead of 4 KiB at a time",
          "echo madvise >/sys/kernel/mm/transparent_hugepage/enabled");
  private static final Capability SHARED_HUGE_PAGES =
      Capability.useful(
          "transparent-huge-pages-memfd",
          "Transparent huge pages, memfd",
          "fast first touches of memory that VMs share",
          "echo advise >/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  private static final Capability RESERVED_HUGE_PAGES =
      Capability.useful(
          "reserved-huge-pages",
          "Reserved huge pages",
          "--huge-pages hugetlbfs",
          "sysctl vm.nr_hugepages=256 (512 MiB)");

  private record Feature(Capability question, long bits) {
    Capability answer(long supported) {
      boolean ok = (supported & bits) == bits;
      return question.found(ok, ok ? "yes" : "not in this kernel");
    }
  }

  private static final List<Feature> FEATURES =
      List.of(
          feature(
              "write-protect",
              "Write-protect faults",
              UserFaultFd.FEATURE_PAGEFAULT_FLAG_WP,
              "copying memory behind a running guest",
              "5.7"),
          feature(
              "write-protect-memfd",
              "Write-protect faults, memfd",
              UserFaultFd.FEATURE_WP_HUGETLBFS_SHMEM,
              "the same for memory that VMs share",
              "5.19"),
          feature(
              "write-protect-unpopulated",
              "Write-protect missing pages",
              UserFaultFd.FEATURE_WP_UNPOPULATED,
              "protecting memory that was never touched",
              "6.4"),
          feature(
              "write-protect-async",
              "Asynchronous write-protection",
              UserFaultFd.FEATURE_WP_ASYNC,
              "dirty tracking that sees the writes of devices by itself",
              "6.7"),
          feature(
              "missing-memfd",
              "Missing pages, memfd",
              UserFaultFd.FEATURE_MISSING_SHMEM,
              "restoring into memory that VMs share",
              "4.11"),
          feature(
              "minor-memfd",
              "Minor faults, memfd",
              UserFaultFd.FEATURE_MINOR_SHMEM,
              "mapping pages that are in the page cache already",
              "5.14"),
          feature("poison", "Poisoned pages", UserFaultFd.FEATURE_POISON, "telling damage", "6.6"),
          feature(
              "move", "Moving pages", UserFaultFd.FEATURE_MOVE, "restoring without a copy", "6.8"),
          feature(
              "event-remove",
              "Notice of dropped pages",
              UserFaultFd.FEATURE_EVENT_REMOVE,
              "the balloon of a VM that is being restored",
              "4.11"),
          feature(
              "thread-id",
              "Faulting thread",
              UserFaultFd.FEATURE_THREAD_ID,
              "telling which vCPU waits for a page",
              "4.14"));

  private MemoryChecks() {}

  private static Feature feature(String id, String title, long bits, String lost, String kernel) {
    return new Feature(
        Capability.useful("userfaultfd-" + id, title, lost, "Linux " + kernel + " or newer"), bits);
  }

  static List<Capability> run() {
    List<Capability> found = new ArrayList<>(userfaultfd());
    found.add(pageMapScan());
    found.add(setting(HUGE_PAGES, "enabled"));
    found.add(setting(SHARED_HUGE_PAGES, "shmem_enabled"));
    found.add(reservedHugePages());
    return found;
  }

  private static List<Capability> userfaultfd() {
    List<Capability> found = new ArrayList<>();
    try {
      long supported = UserFaultFd.supportedFeatures();
      boolean device = Files.isWritable(Path.of("/dev/userfaultfd"));
      found.add(
          USERFAULTFD.found(true, device ? "through /dev/userfaultfd" : "by the system call"));
      FEATURES.forEach(feature -> found.add(feature.answer(supported)));
    } catch (LinuxException e) {
      found.add(USERFAULTFD.found(false, e.getMessage()));
      FEATURES.forEach(feature -> found.add(feature.question().found(false, "no userfaultfd")));
    }
    return found;
  }

  private static Capability pageMapScan() {
    try (PageMap pages = PageMap.open();
        Mapping page = Mapping.anonymous(4096, 0)) {
      long start = page.address();
      pages.scan(start, start + page.byteSize(), 0, PageMap.PAGE_IS_PRESENT);
      return PAGEMAP_SCAN.found(true, "yes");
    } catch (LinuxException e) {
      return PAGEMAP_SCAN.found(false, e.getMessage());
    }
  }

  /** The kernel shows all values of the setting, the chosen one in brackets. */
  private static Capability setting(Capability question, String name) {
    String chosen =
        ProcFile.first("/sys/kernel/mm/transparent_hugepage/" + name, "\\[(\\w+)\\]")
            .orElse("not in this kernel");
    boolean ok =
        switch (chosen) {
          case "always", "madvise", "advise", "within_size", "force" -> true;
          default -> false;
        };
    return question.found(ok, chosen);
  }

  private static Capability reservedHugePages() {
    String pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    long free = ProcFile.number(pool + "free_hugepages").orElse(0L);
    long all = ProcFile.number(pool + "nr_hugepages").orElse(0L);
    return RESERVED_HUGE_PAGES.found(free > 0, "%d free of %d of 2 MiB".formatted(free, all));
  }
}
