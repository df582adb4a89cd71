package dev.torpor.vmm.boot;

import static dev.torpor.vmm.boot.ControlBits.CR0_ET;
import static dev.torpor.vmm.boot.ControlBits.CR0_PE;
import static dev.torpor.vmm.boot.ControlBits.RFLAGS_FIXED;

import dev.torpor.kvm.Register;
import dev.torpor.kvm.Segment;
import dev.torpor.vmm.boot.ElfKernel.LoadSegment;
import dev.torpor.vmm.memory.GuestMemory;
import java.util.List;
import java.util.Map;

/**
 * Boots an ELF kernel by the PVH protocol: vCPU 0 begins in 32-bit protected mode without paging,
 * with the start block in EBX. Source: Xen, docs/misc/pvh.pandoc and
 * xen/include/public/arch-x86/hvm/start_info.h.
 */
final class PvhBoot {
  private static final int START_INFO_BYTES = 56;
  private static final int START_INFO_MAGIC = 0x336e_c578;
  private static final int START_INFO_VERSION = 1;
  private static final int MAGIC = 0;
  private static final int VERSION = 4;
  private static final int MODULE_COUNT = 12;
  private static final int MODULE_LIST = 16;
  private static final int COMMAND_LINE = 24;
  private static final int RSDP = 32;
  private static final int MEMORY_MAP = 40;
  private static final int MEMORY_MAP_ENTRIES = 48;

  private static final int MODULE_BYTES = 32;
  private static final int MEMORY_MAP_ENTRY_BYTES = 24;

  private PvhBoot() {}

  static BootState load(GuestMemory memory, BootFile file, LinuxGuest guest, long rsdpGpa) {
    ElfKernel kernel = ElfKernel.read(file);
    long limit = MemoryMap.endOfLowRam(memory);
    long kernelEnd = LowMemory.END;
    for (LoadSegment segment : kernel.segments()) {
      kernelEnd = Math.max(kernelEnd, endOf(segment, memory, file));
    }
    CommandLine.write(
        memory,
        LowMemory.PVH_COMMAND_LINE,
        guest.commandLine(),
        LowMemory.PVH_COMMAND_LINE_BYTES - 1);
    Initrd initrd = Initrd.load(memory, guest.initrd(), kernelEnd, limit);
    for (LoadSegment segment : kernel.segments()) {
      file.copyTo(memory, segment.gpa(), segment.fileOffset(), segment.fileBytes());
      memory.fill(
          segment.gpa() + segment.fileBytes(),
          segment.memoryBytes() - segment.fileBytes(),
          (byte) 0);
    }
    writeStartInfo(memory, initrd, rsdpGpa);
    return new BootState(List.of(entry(memory, kernel.entry())));
  }

  /** Checks that a segment lies in RAM, in one piece and above what this class writes. */
  private static long endOf(LoadSegment segment, GuestMemory memory, BootFile file) {
    long limit = MemoryMap.endOfLowRam(memory);
    if (segment.gpa() < LowMemory.END
        || segment.gpa() >= limit
        || !memory.contains(segment.gpa(), segment.memoryBytes())) {
      throw new BootException(
          "%s has a segment at 0x%x of 0x%x bytes, and the VM has RAM for kernels from 0x%x to 0x%x"
              .formatted(file, segment.gpa(), segment.memoryBytes(), LowMemory.END, limit));
    }
    return segment.gpa() + segment.memoryBytes();
  }

  private static void writeStartInfo(GuestMemory memory, Initrd initrd, long rsdpGpa) {
    long info = LowMemory.PVH_START_INFO;
    memory.fill(info, START_INFO_BYTES, (byte) 0);
    memory.writeInt(info + MAGIC, START_INFO_MAGIC);
    memory.writeInt(info + VERSION, START_INFO_VERSION);
    memory.writeLong(info + COMMAND_LINE, LowMemory.PVH_COMMAND_LINE);
    memory.writeLong(info + RSDP, rsdpGpa);
    if (initrd.byteSize() > 0) {
      memory.writeInt(info + MODULE_COUNT, 1);
      memory.writeLong(info + MODULE_LIST, LowMemory.PVH_MODULE);
      memory.fill(LowMemory.PVH_MODULE, MODULE_BYTES, (byte) 0);
      memory.writeLong(LowMemory.PVH_MODULE, initrd.gpa());
      memory.writeLong(LowMemory.PVH_MODULE + 8, initrd.byteSize());
    }
    List<MemoryMap.Range> ranges = MemoryMap.of(memory);
    memory.writeLong(info + MEMORY_MAP, LowMemory.PVH_MEMORY_MAP);
    memory.writeInt(info + MEMORY_MAP_ENTRIES, ranges.size());
    long entry = LowMemory.PVH_MEMORY_MAP;
    for (MemoryMap.Range range : ranges) {
      memory.writeLong(entry, range.gpa());
      memory.writeLong(entry + 8, range.byteSize());
      memory.writeLong(entry + 16, range.type());
      entry += MEMORY_MAP_ENTRY_BYTES;
    }
  }

  private static VcpuEntry entry(GuestMemory memory, long rip) {
    Segment code = Segments.code32(Gdt.CODE);
    Segment data = Segments.data(Gdt.DATA);
    Segment task = Segments.taskState(Gdt.TASK_STATE);
    return new VcpuEntry(
        Map.of(
            Register.RIP, rip,
            Register.RBX, LowMemory.PVH_START_INFO,
            Register.RFLAGS, RFLAGS_FIXED),
        code,
        data,
        task,
        Segments.none(),
        Gdt.write(memory, code, data, task),
        DescriptorTable.EMPTY,
        CR0_PE | CR0_ET,
        0,
        0,
        0);
  }
}
