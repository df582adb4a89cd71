package dev.torpor.vmm.boot;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * An ELF file of 32 or 64 bits with a PVH entry point. Every offset and size in it is hostile.
 * Source: System V ABI, chapters 4 and 5; Xen, docs/misc/pvh.pandoc.
 */
final class ElfKernel {
  /** A loadable segment whose contents lie in the file, and whose sizes make sense. */
  record LoadSegment(long fileOffset, long fileBytes, long gpa, long memoryBytes) {}

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  private static final int ELF_MAGIC = 0x464c_457f;
  private static final int CLASS_OFFSET = 4;
  private static final int CLASS_64 = 2;
  private static final int MACHINE_OFFSET = 18;
  private static final int MACHINE_386 = 3;
  private static final int MACHINE_X86_64 = 62;
  private static final int IDENTITY_BYTES = 20;

  private static final int PT_LOAD = 1;
  private static final int PT_NOTE = 4;
  private static final int MAX_PROGRAM_HEADERS = 256;
  private static final int MAX_NOTE_BYTES = 1 << 20;

  private static final int XEN_ELFNOTE_PHYS32_ENTRY = 18;
  private static final int NOTE_HEADER_BYTES = 12;
  private static final int XEN_NAME = 0x006e_6558; // "Xen" and its zero

  /** Where the fields of the two classes lie. */
  private record Fields(
      int headerBytes,
      int phoff,
      int phentsize,
      int phnum,
      int entryBytes,
      int offset,
      int paddr,
      int filesz,
      int memsz,
      int align) {
    static final Fields OF_32 = new Fields(52, 28, 42, 44, 32, 4, 12, 16, 20, 28);
    static final Fields OF_64 = new Fields(64, 32, 54, 56, 56, 8, 24, 32, 40, 48);
  }

  private final BootFile file;
  private final boolean is64;
  private final Fields fields;
  private final List<LoadSegment> segments = new ArrayList<>();
  private OptionalLong entry = OptionalLong.empty();

  private ElfKernel(BootFile file, boolean is64) {
    this.file = file;
    this.is64 = is64;
    this.fields = is64 ? Fields.OF_64 : Fields.OF_32;
  }

  static boolean isElf(BootFile file) {
    MemorySegment magic = file.read(0, Integer.BYTES);
    return magic.byteSize() == Integer.BYTES && magic.get(U32, 0) == ELF_MAGIC;
  }

  /** Parses a file that {@link #isElf}. */
  static ElfKernel read(BootFile file) {
    MemorySegment identity = file.read(0, IDENTITY_BYTES);
    if (identity.byteSize() < IDENTITY_BYTES) {
      throw new BootException(file + " is truncated within its ELF header");
    }
    int machine = identity.get(U16, MACHINE_OFFSET) & 0xffff;
    if (machine != MACHINE_386 && machine != MACHINE_X86_64) {
      throw new BootException(
          "%s is an ELF file for machine %d: give a kernel for x86 (3 or 62)"
              .formatted(file, machine));
    }
    boolean is64 = identity.get(ValueLayout.JAVA_BYTE, CLASS_OFFSET) == CLASS_64;
    ElfKernel kernel = new ElfKernel(file, is64);
    kernel.readProgramHeaders();
    kernel.requireBootable();
    return kernel;
  }

  List<LoadSegment> segments() {
    return segments;
  }

  /** The guest physical address of the PVH entry point, in one of the segments. */
  long entry() {
    return entry.orElseThrow();
  }

  private void readProgramHeaders() {
    MemorySegment header = file.read(0, fields.headerBytes);
    if (header.byteSize() < fields.headerBytes) {
      throw new BootException(file + " is truncated within its ELF header");
    }
    long tableOffset = word(header, fields.phoff);
    int entryBytes = header.get(U16, fields.phentsize) & 0xffff;
    int count = header.get(U16, fields.phnum) & 0xffff;
    if (entryBytes != fields.entryBytes || count > MAX_PROGRAM_HEADERS) {
      throw new BootException(
          "%s has %d program headers of %d bytes: at most %d, of %d bytes each, make sense"
              .formatted(file, count, entryBytes, MAX_PROGRAM_HEADERS, fields.entryBytes));
    }
    requireInFile("program headers", tableOffset, (long) count * entryBytes);
    MemorySegment table = file.read(tableOffset, count * entryBytes);
    for (int i = 0; i < count; i++) {
      readProgramHeader(table.asSlice((long) i * entryBytes, entryBytes));
    }
  }

  private void readProgramHeader(MemorySegment header) {
    int type = header.get(U32, 0);
    long offset = word(header, fields.offset);
    long fileBytes = word(header, fields.filesz);
    if (type == PT_LOAD) {
      long memoryBytes = word(header, fields.memsz);
      requireInFile("a segment", offset, fileBytes);
      if (Long.compareUnsigned(memoryBytes, fileBytes) < 0) {
        throw new BootException(
            "%s has a segment of 0x%x bytes that claims to need 0x%x in memory"
                .formatted(file, fileBytes, memoryBytes));
      }
      if (memoryBytes != 0) {
        segments.add(new LoadSegment(offset, fileBytes, word(header, fields.paddr), memoryBytes));
      }
    } else if (type == PT_NOTE && entry.isEmpty()) {
      requireInFile("notes", offset, fileBytes);
      int alignment = word(header, fields.align) == Long.BYTES ? Long.BYTES : Integer.BYTES;
      readNotes(file.read(offset, (int) Math.min(fileBytes, MAX_NOTE_BYTES)), alignment);
    }
  }

  /** Looks for the entry point. A note that does not fit ends the search. */
  private void readNotes(MemorySegment notes, int alignment) {
    long position = 0;
    while (position + NOTE_HEADER_BYTES <= notes.byteSize()) {
      long nameBytes = Integer.toUnsignedLong(notes.get(U32, position));
      long valueBytes = Integer.toUnsignedLong(notes.get(U32, position + 4));
      int type = notes.get(U32, position + 8);
      long name = position + NOTE_HEADER_BYTES;
      long value = position + alignUp(NOTE_HEADER_BYTES + nameBytes, alignment);
      if (value + valueBytes > notes.byteSize()) {
        return;
      }
      if (type == XEN_ELFNOTE_PHYS32_ENTRY
          && nameBytes == Integer.BYTES
          && notes.get(U32, name) == XEN_NAME
          && valueBytes >= Integer.BYTES) {
        entry = OptionalLong.of(Integer.toUnsignedLong(notes.get(U32, value)));
        return;
      }
      position = alignUp(value + valueBytes, alignment);
    }
  }

  private static long alignUp(long value, int alignment) {
    return (value + alignment - 1) & -alignment;
  }

  private void requireBootable() {
    if (entry.isEmpty()) {
      throw new BootException(
          file
              + " is an ELF file without a PVH entry point (Xen's note 18): give a vmlinux built"
              + " with CONFIG_PVH, or its bzImage (vmlinuz)");
    }
    long gpa = entry.getAsLong();
    if (segments.stream().noneMatch(s -> gpa >= s.gpa && gpa - s.gpa < s.memoryBytes)) {
      throw new BootException(
          "%s has its PVH entry point at 0x%x, outside its segments".formatted(file, gpa));
    }
  }

  private void requireInFile(String what, long offset, long byteCount) {
    if (!file.contains(offset, byteCount)) {
      throw new BootException(
          "%s is damaged or truncated: it has %d bytes, and %s at offset 0x%x of 0x%x bytes"
              .formatted(file, file.byteSize(), what, offset, byteCount));
    }
  }

  /** A field that is as wide as the file's class. */
  private long word(MemorySegment header, int offset) {
    return is64 ? header.get(U64, offset) : Integer.toUnsignedLong(header.get(U32, offset));
  }
}
