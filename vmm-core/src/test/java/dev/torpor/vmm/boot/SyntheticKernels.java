package dev.torpor.vmm.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Kernel files that would load but not run: for tests of the loaders. */
final class SyntheticKernels {
  static final int SETUP_BYTES = 3 * 512;
  static final int PROTECTED_MODE_BYTES = 64 << 10;
  static final int INIT_SIZE = 1 << 20;
  static final int PREFERRED_GPA = 0x100_0000;
  static final int ELF_ENTRY = 0x10_0010;

  private SyntheticKernels() {}

  /** A bzImage whose protected-mode part repeats the bytes 1 to 251. */
  static byte[] bzImage() {
    byte[] file = new byte[SETUP_BYTES + PROTECTED_MODE_BYTES];
    for (int i = SETUP_BYTES; i < file.length; i++) {
      file[i] = (byte) (1 + (i - SETUP_BYTES) % 251);
    }
    ByteBuffer fields = view(file);
    fields.put(0x1ef, (byte) 0xff); // the sentinel, which must not reach the zero page
    fields.put(0x1f1, (byte) (SETUP_BYTES / 512 - 1));
    fields.putInt(0x1f4, PROTECTED_MODE_BYTES / 16);
    fields.putShort(0x1fe, (short) 0xaa55);
    fields.put(0x200, (byte) 0xeb).put(0x201, (byte) 0x6a);
    fields.put(0x202, "HdrS".getBytes(US_ASCII));
    fields.putShort(0x206, (short) 0x20f);
    fields.put(0x211, (byte) 1);
    fields.putInt(0x214, 0x10_0000);
    fields.putInt(0x22c, 0x7fff_ffff);
    fields.putInt(0x230, 0x20_0000);
    fields.put(0x234, (byte) 1);
    fields.putShort(0x236, (short) 0x7f);
    fields.putInt(0x238, 2047);
    fields.putLong(0x258, PREFERRED_GPA);
    fields.putInt(0x260, INIT_SIZE);
    return file;
  }

  /** An ELF kernel with one segment of code, one of bss, and a PVH note. */
  static byte[] elf64() {
    byte[] file = new byte[0x1000];
    ByteBuffer elf = view(file);
    elf.put(0, new byte[] {0x7f, 'E', 'L', 'F', 2, 1, 1});
    elf.putShort(16, (short) 2).putShort(18, (short) 62).putInt(20, 1);
    elf.putLong(24, ELF_ENTRY).putLong(32, 64);
    elf.putShort(52, (short) 64).putShort(54, (short) 56).putShort(56, (short) 3);
    programHeader64(elf, 64, 1, 0x200, 0x10_0000, 0x800, 0x800, 0x1000);
    programHeader64(elf, 120, 1, 0xa00, 0x20_0000, 0x100, 0x3000, 0x1000);
    programHeader64(elf, 176, 4, 0xb00, 0, 0x30, 0x30, 4);
    code(file);
    note(elf, 0xb00, 1, 4);
    note(elf, 0xb14, 18, 8);
    return file;
  }

  /** The same kernel of 32 bits. */
  static byte[] elf32() {
    byte[] file = new byte[0x1000];
    ByteBuffer elf = view(file);
    elf.put(0, new byte[] {0x7f, 'E', 'L', 'F', 1, 1, 1});
    elf.putShort(16, (short) 2).putShort(18, (short) 3).putInt(20, 1);
    elf.putInt(24, ELF_ENTRY).putInt(28, 52);
    elf.putShort(40, (short) 52).putShort(42, (short) 32).putShort(44, (short) 3);
    programHeader32(elf, 52, 1, 0x200, 0x10_0000, 0x800, 0x800, 0x1000);
    programHeader32(elf, 84, 1, 0xa00, 0x20_0000, 0x100, 0x3000, 0x1000);
    programHeader32(elf, 116, 4, 0xb00, 0, 0x2c, 0x2c, 4);
    code(file);
    note(elf, 0xb00, 1, 4);
    note(elf, 0xb14, 18, 4);
    return file;
  }

  static ByteBuffer view(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  private static void code(byte[] file) {
    Arrays.fill(file, 0x200, 0xa00, (byte) 0x90);
    Arrays.fill(file, 0xa00, 0xb00, (byte) 0x77);
  }

  private static void programHeader64(
      ByteBuffer elf,
      int at,
      int type,
      long offset,
      long gpa,
      long fileBytes,
      long memoryBytes,
      long align) {
    elf.putInt(at, type).putLong(at + 8, offset);
    elf.putLong(at + 16, 0xffff_ffff_8000_0000L + gpa).putLong(at + 24, gpa);
    elf.putLong(at + 32, fileBytes).putLong(at + 40, memoryBytes).putLong(at + 48, align);
  }

  private static void programHeader32(
      ByteBuffer elf,
      int at,
      int type,
      int offset,
      int gpa,
      int fileBytes,
      int memoryBytes,
      int align) {
    elf.putInt(at, type).putInt(at + 4, offset);
    elf.putInt(at + 8, 0xc000_0000 + gpa).putInt(at + 12, gpa);
    elf.putInt(at + 16, fileBytes).putInt(at + 20, memoryBytes).putInt(at + 28, align);
  }

  private static void note(ByteBuffer elf, int at, int type, int valueBytes) {
    elf.putInt(at, 4).putInt(at + 4, valueBytes).putInt(at + 8, type);
    elf.put(at + 12, "Xen\0".getBytes(US_ASCII)).putInt(at + 16, ELF_ENTRY);
  }
}
