package dev.torpor.vmm.boot;

import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;

/**
 * What to boot.
 *
 * @param kernel a bzImage ({@code vmlinuz}), or an ELF file with a PVH entry point
 * @param initrd the first file system, if any
 * @param commandLine the kernel's parameters
 */
public record LinuxGuest(Path kernel, Optional<Path> initrd, String commandLine) implements Guest {
  /**
   * Checks that nothing is null.
   *
   * @param kernel a bzImage, or an ELF file with a PVH entry point
   * @param initrd the first file system, if any
   * @param commandLine the kernel's parameters
   */
  public LinuxGuest {
    Objects.requireNonNull(kernel);
    Objects.requireNonNull(initrd);
    Objects.requireNonNull(commandLine);
  }
}
