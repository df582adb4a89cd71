package dev.torpor.vmm.boot;

import static dev.torpor.vmm.boot.ControlBits.CR0_ET;
import static dev.torpor.vmm.boot.ControlBits.CR0_NE;
import static dev.torpor.vmm.boot.ControlBits.CR0_PE;
import static dev.torpor.vmm.boot.ControlBits.CR0_PG;
import static dev.torpor.vmm.boot.ControlBits.CR4_PAE;
import static dev.torpor.vmm.boot.ControlBits.EFER_LMA;
import static dev.torpor.vmm.boot.ControlBits.EFER_LME;
import static dev.torpor.vmm.boot.ControlBits.RFLAGS_FIXED;

import dev.torpor.kvm.Register;
import dev.torpor.kvm.Segment;
import dev.torpor.vmm.memory.GuestMemory;
import java.util.List;
import java.util.Map;

/**
 * Boots a bzImage by Linux's 64-bit boot protocol: vCPU 0 begins in long mode on an identity
 * mapping, with the zero page in RSI. Source: Linux, Documentation/arch/x86/boot.rst, "64-bit Boot
 * Protocol", and zero-page.rst.
 */
final class LinuxBoot {
  private static final int ENTRY_OFFSET = 0x200;
  private static final int MAPPED_GIBS = 4;

  // The zero page's fields beside the setup header.
  private static final int ACPI_RSDP_ADDR = 0x070;
  private static final int E820_ENTRIES = 0x1e8;
  private static final int E820_TABLE = 0x2d0;
  private static final int E820_ENTRY_BYTES = 20;
  private static final int ZERO_PAGE_BYTES = 4096;

  private static final byte LOADER_WITHOUT_ID = (byte) 0xff;
  private static final short VIDEO_MODE_NORMAL = (short) 0xffff;

  private LinuxBoot() {}

  static BootState load(GuestMemory memory, BootFile kernel, LinuxGuest guest, long rsdpGpa) {
    SetupHeader header = SetupHeader.read(kernel);
    long loadGpa = header.loadGpa();
    if (!memory.contains(loadGpa, header.runBytes()) || loadGpa >= MemoryMap.endOfLowRam(memory)) {
      throw new BootException(
          "%s needs RAM from 0x%x to 0x%x, and the VM's ends at 0x%x: give it more memory"
              .formatted(
                  kernel, loadGpa, loadGpa + header.runBytes(), MemoryMap.endOfLowRam(memory)));
    }
    CommandLine.write(
        memory, LowMemory.LINUX_COMMAND_LINE, guest.commandLine(), header.commandLineBytes());
    Initrd initrd =
        Initrd.load(memory, guest.initrd(), loadGpa + header.runBytes(), header.initrdLimit());
    kernel.copyTo(memory, loadGpa, header.setupBytes(), header.protectedModeBytes());
    writeZeroPage(memory, header, initrd, rsdpGpa);
    return new BootState(List.of(entry(memory, loadGpa + ENTRY_OFFSET)));
  }

  private static void writeZeroPage(
      GuestMemory memory, SetupHeader header, Initrd initrd, long rsdpGpa) {
    long page = LowMemory.ZERO_PAGE;
    memory.fill(page, ZERO_PAGE_BYTES, (byte) 0);
    memory.write(page + SetupHeader.START, header.forZeroPage());
    memory.writeByte(page + SetupHeader.TYPE_OF_LOADER, LOADER_WITHOUT_ID);
    memory.writeShort(page + SetupHeader.VIDEO_MODE, VIDEO_MODE_NORMAL);
    memory.writeInt(page + SetupHeader.CODE32_START, (int) header.loadGpa());
    memory.writeInt(page + SetupHeader.RAMDISK_IMAGE, (int) initrd.gpa());
    memory.writeInt(page + SetupHeader.RAMDISK_SIZE, (int) initrd.byteSize());
    memory.writeInt(page + SetupHeader.COMMAND_LINE_POINTER, (int) LowMemory.LINUX_COMMAND_LINE);
    memory.writeLong(page + ACPI_RSDP_ADDR, rsdpGpa);
    writeMemoryMap(memory, page);
  }

  private static void writeMemoryMap(GuestMemory memory, long page) {
    List<MemoryMap.Range> ranges = MemoryMap.of(memory);
    memory.writeByte(page + E820_ENTRIES, (byte) ranges.size());
    long entry = page + E820_TABLE;
    for (MemoryMap.Range range : ranges) {
      memory.writeLong(entry, range.gpa());
      memory.writeLong(entry + 8, range.byteSize());
      memory.writeInt(entry + 16, range.type());
      entry += E820_ENTRY_BYTES;
    }
  }

  private static VcpuEntry entry(GuestMemory memory, long rip) {
    Segment code = Segments.code64(Gdt.CODE);
    Segment data = Segments.data(Gdt.DATA);
    Segment task = Segments.taskState(Gdt.TASK_STATE);
    IdentityPages.write(memory, LowMemory.PML4, MAPPED_GIBS, 0);
    return new VcpuEntry(
        Map.of(
            Register.RIP,
            rip,
            Register.RSI,
            LowMemory.ZERO_PAGE,
            Register.RSP,
            LowMemory.ZERO_PAGE_STACK_TOP,
            Register.RFLAGS,
            RFLAGS_FIXED),
        code,
        data,
        task,
        Segments.none(),
        Gdt.write(memory, code, data, task),
        DescriptorTable.EMPTY,
        CR0_PE | CR0_ET | CR0_NE | CR0_PG,
        LowMemory.PML4,
        CR4_PAE,
        EFER_LME | EFER_LMA);
  }
}
