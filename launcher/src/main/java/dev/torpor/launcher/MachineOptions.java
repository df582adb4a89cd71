package dev.torpor.launcher;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.boot.Guest;
import dev.torpor.vmm.cpu.CpuTemplate;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.vm.VmConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/** What the machine is made of. */
final class MachineOptions {
  /** Which pages of the host hold the guest's memory. */
  enum HugePages {
    /** Transparent huge pages where the host has them. */
    THP,
    /** Small pages only. */
    OFF,
    /** Reserved huge pages. */
    HUGETLBFS
  }

  private static final long HUGE_PAGE_BYTES = 2 << 20;

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      defaultValue = "512M",
      description = "Its memory, in K, M or G (${DEFAULT-VALUE}).")
  private ByteSize memory;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      defaultValue = "1",
      description = "Its processors, 1 to " + VmConfig.MAX_VCPUS + " (${DEFAULT-VALUE}).")
  private int cpus;

  @Option(
      names = "--disk",
      paramLabel = "FILE[,ro]",
      description = "A disk: a raw image or a block device; may be repeated. The first is vda.")
  private final List<DiskArgument> disks = new ArrayList<>();

  @Option(
      names = "--cpu-template",
      paramLabel = "NAME",
      defaultValue = "host",
      description = "What its processors can do: host, x86-64-v2 or x86-64-v3 (${DEFAULT-VALUE}).")
  private String cpuTemplate;

  @Option(
      names = "--huge-pages",
      paramLabel = "KIND",
      defaultValue = "thp",
      description =
          "Memory in huge pages of the host: thp where it has them, off, or hugetlbfs for reserved"
              + " ones (${DEFAULT-VALUE}).")
  private HugePages hugePages;

  /**
   * The description of the machine.
   *
   * @throws IllegalArgumentException if an option has a value that cannot be
   */
  VmConfig.Builder describe(Guest guest) {
    VmConfig.Builder machine =
        VmConfig.boot(guest)
            .memory(memory.bytes())
            .memoryBacking(
                hugePages == HugePages.HUGETLBFS
                    ? MemoryBacking.HUGETLBFS
                    : MemoryBacking.ANONYMOUS)
            .transparentHugePages(hugePages == HugePages.THP)
            .vcpus(cpus)
            .cpuTemplate(CpuTemplate.named(cpuTemplate));
    disks.forEach(disk -> machine.disk(disk.path(), disk.readOnly()));
    return machine;
  }

  /** What a failure to build the machine means for these options; empty if it is not theirs. */
  Optional<String> explain(LinuxException failure) {
    return hugePages == HugePages.HUGETLBFS && failure.errno() == Errno.ENOMEM
        ? Optional.of(
            "--huge-pages hugetlbfs: the host has not reserved enough for %s; try sysctl vm.nr_hugepages=%d"
                .formatted(memory, Math.ceilDiv(memory.bytes(), HUGE_PAGE_BYTES)))
        : Optional.empty();
  }
}
