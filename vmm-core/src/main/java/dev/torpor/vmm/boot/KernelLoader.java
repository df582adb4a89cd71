package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.GuestMemory;

/** Loads a kernel of whichever format the file has. */
public final class KernelLoader {
  private KernelLoader() {}

  /**
   * Loads a kernel, its initrd and its command line into guest memory.
   *
   * @param memory the guest's memory, all zeroes but for the ACPI tables
   * @param guest what to boot; its files are hostile
   * @param rsdpGpa where {@link AcpiTables} put the tables
   * @return how vCPU 0 begins; the others wait until the kernel starts them
   * @throws BootException if the kernel or the initrd can't be read, is not what it should be, or
   *     does not fit
   */
  public static BootState load(GuestMemory memory, LinuxGuest guest, long rsdpGpa) {
    try (BootFile kernel = new BootFile("kernel", guest.kernel())) {
      if (SetupHeader.isBzImage(kernel)) {
        return LinuxBoot.load(memory, kernel, guest, rsdpGpa);
      }
      if (ElfKernel.isElf(kernel)) {
        return PvhBoot.load(memory, kernel, guest, rsdpGpa);
      }
      throw new BootException(
          kernel.path()
              + " is neither a bzImage nor a PVH ELF kernel: it has no \"HdrS\" at offset 0x202 and"
              + " does not begin with \"\\x7fELF\". Give a distribution's vmlinuz");
    }
  }
}
