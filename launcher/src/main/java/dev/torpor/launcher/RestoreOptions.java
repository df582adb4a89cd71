package dev.torpor.launcher;

import dev.torpor.launcher.control.VmName;
import dev.torpor.vmm.checkpoint.GuestClock;
import dev.torpor.vmm.checkpoint.MemorySource;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.vm.RestoreConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import picocli.CommandLine.Option;

/** How a checkpoint becomes running VMs. */
final class RestoreOptions {
  private static final int MAX_COUNT = 1000;

  @Option(
      names = "--name",
      paramLabel = "N",
      required = true,
      description = "What the new VM is called.")
  private String name;

  @Option(
      names = {"-n", "--count"},
      paramLabel = "COUNT",
      defaultValue = "1",
      description = "So many VMs, called N-1, N-2 and so on (${DEFAULT-VALUE}).")
  private int count;

  @Option(
      names = "--disk-base",
      paramLabel = "K=FILE",
      description =
          "Disk K, from 0, lies over this file: a copy of its base, or the base moved; may be"
              + " repeated.")
  private final Map<Integer, Path> bases = new HashMap<>();

  @Option(
      names = "--clock",
      paramLabel = "KIND",
      defaultValue = "continue",
      description =
          "The guest's time: continue where it stood, or catch-up with the host's"
              + " (${DEFAULT-VALUE}).")
  private GuestClock clock;

  @Option(
      names = "--memory-source",
      paramLabel = "KIND",
      defaultValue = "best",
      description =
          "Where memory comes from: mapped files, paged by userfaultfd, or the best of both"
              + " (${DEFAULT-VALUE}).")
  private MemorySource memorySource;

  @Option(names = "--fill", description = "Bring in all memory, in the background.")
  private boolean fill;

  @Option(
      names = "--record-working-set",
      paramLabel = "SECONDS",
      defaultValue = "0",
      description =
          "Record which memory the guest touches first, for so long; later restores bring that in"
              + " at once.")
  private int recordSeconds;

  String name() {
    return name;
  }

  /**
   * The names of the VMs.
   *
   * @throws IllegalArgumentException if an option has a value that cannot be
   */
  List<String> names() {
    if (count < 1 || count > MAX_COUNT) {
      throw new IllegalArgumentException("-n %d: must be from 1 to %d".formatted(count, MAX_COUNT));
    }
    List<String> names =
        count == 1
            ? List.of(name)
            : IntStream.rangeClosed(1, count).mapToObj(i -> name + "-" + i).toList();
    names.forEach(VmName::require);
    return names;
  }

  /**
   * Checks what does not depend on the checkpoint.
   *
   * @throws IllegalArgumentException if an option has a value that cannot be
   */
  void check() {
    if (recordSeconds < 0) {
      throw new IllegalArgumentException(
          "--record-working-set " + recordSeconds + ": must not be negative");
    }
    bases.forEach(RestoreOptions::checkBase);
  }

  private static void checkBase(int disk, Path file) {
    if (disk < 0) {
      throw new IllegalArgumentException(
          "--disk-base %d=%s: disks count from 0".formatted(disk, file));
    }
    if (!Files.isReadable(file)) {
      throw new IllegalArgumentException(
          "--disk-base %d=%s: no such file, or it may not be read".formatted(disk, file));
    }
  }

  /** The description of one of the VMs, whose disks take the place of those in the folder. */
  RestoreConfig describe(String vmName, SerialOutput console, Path diskFolder) {
    RestoreConfig.Builder machine =
        RestoreConfig.named(vmName)
            .console(console)
            .diskFolder(diskFolder)
            .clock(clock)
            .memorySource(memorySource)
            .fill(fill)
            .recordWorkingSet(Duration.ofSeconds(recordSeconds));
    bases.forEach(machine::base);
    return machine.build();
  }
}
