package dev.torpor.vmm.boot;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The header of a bzImage, checked as far as it can be without a VM. Offsets are those of the file,
 * and of the zero page alike. Source: Linux, Documentation/arch/x86/boot.rst.
 */
final class SetupHeader {
  static final int START = 0x1f1;
  static final int TYPE_OF_LOADER = 0x210;
  static final int VIDEO_MODE = 0x1fa;
  static final int CODE32_START = 0x214;
  static final int RAMDISK_IMAGE = 0x218;
  static final int RAMDISK_SIZE = 0x21c;
  static final int COMMAND_LINE_POINTER = 0x228;

  /** Where the zero page has other things than the header again. */
  static final int MAX_END = 0x290;

  private static final ValueLayout.OfShort U16 =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfInt U32 =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfLong U64 =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  private static final int SETUP_SECTS = 0x1f1;
  private static final int SYSSIZE = 0x1f4;
  private static final int JUMP_LENGTH = 0x201;
  private static final int MAGIC = 0x202;
  private static final int VERSION = 0x206;
  private static final int LOADFLAGS = 0x211;
  private static final int INITRD_ADDR_MAX = 0x22c;
  private static final int XLOADFLAGS = 0x236;
  private static final int CMDLINE_SIZE = 0x238;
  private static final int PREF_ADDRESS = 0x258;
  private static final int INIT_SIZE = 0x260;
  private static final int FIELDS_END = 0x264;

  private static final int HDRS = 0x5372_6448;
  private static final int OLDEST_VERSION = 0x20c;
  private static final int LOADED_HIGH = 1;
  private static final int KERNEL_64 = 1;
  private static final int SECTOR_BYTES = 512;
  private static final int PARAGRAPH_BYTES = 16;
  private static final int DEFAULT_SETUP_SECTS = 4;

  private final BootFile file;
  private final MemorySegment bytes;

  private SetupHeader(BootFile file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  static boolean isBzImage(BootFile file) {
    MemorySegment magic = file.read(MAGIC, Integer.BYTES);
    return magic.byteSize() == Integer.BYTES && magic.get(U32, 0) == HDRS;
  }

  /** Reads the header of a file that {@link #isBzImage}, and checks it against the file. */
  static SetupHeader read(BootFile file) {
    SetupHeader header = new SetupHeader(file, file.read(0, MAX_END));
    header.requireProtocol();
    header.requireWhole();
    return header;
  }

  private void requireProtocol() {
    if (bytes.byteSize() < FIELDS_END) {
      throw truncated(FIELDS_END);
    }
    int version = u16(VERSION);
    if (version < OLDEST_VERSION) {
      throw wrong(
          "speaks boot protocol %d.%d, and 2.12 is the oldest supported: give Linux 3.8 or newer"
              .formatted(version >> Byte.SIZE, version & 0xff));
    }
    if ((u8(LOADFLAGS) & LOADED_HIGH) == 0) {
      throw wrong("is a zImage, which loads below 1 MiB: give a bzImage");
    }
    if ((u16(XLOADFLAGS) & KERNEL_64) == 0) {
      throw wrong("has no 64-bit entry point: give a kernel for x86-64");
    }
    if (end() < FIELDS_END) {
      throw wrong("says that its header ends at 0x%x, before its last field".formatted(end()));
    }
  }

  private void requireWhole() {
    if (protectedModeBytes() <= 0 || u32(SYSSIZE) * PARAGRAPH_BYTES > protectedModeBytes()) {
      throw truncated(setupBytes() + Math.max(1, u32(SYSSIZE) * PARAGRAPH_BYTES));
    }
    if (loadGpa() < LowMemory.END) {
      throw wrong("wants to be loaded at 0x%x, below 1 MiB".formatted(loadGpa()));
    }
  }

  private BootException truncated(long expectedBytes) {
    return wrong(
        "is truncated: it has %d bytes, and its header asks for at least %d"
            .formatted(file.byteSize(), expectedBytes));
  }

  private BootException wrong(String what) {
    return new BootException(file + " " + what);
  }

  /** Where the header ends, no further than the zero page has room for it. */
  int end() {
    return Math.min(MAGIC + u8(JUMP_LENGTH), MAX_END);
  }

  /** The header as it goes to the zero page. Not longer than the file. */
  MemorySegment forZeroPage() {
    return bytes.asSlice(START, Math.min(end(), bytes.byteSize()) - START);
  }

  /** How much of the file comes before the protected-mode part, in bytes. */
  long setupBytes() {
    int sectors = u8(SETUP_SECTS);
    return (1L + (sectors == 0 ? DEFAULT_SETUP_SECTS : sectors)) * SECTOR_BYTES;
  }

  /** The length of the part that is loaded, in bytes. */
  long protectedModeBytes() {
    return file.byteSize() - setupBytes();
  }

  /**
   * Where to load. A kernel that is loaded lower moves up to its preferred address before it
   * unpacks itself, so loading there loses nothing even where memory is short.
   */
  long loadGpa() {
    long preferred = bytes.get(U64, PREF_ADDRESS);
    return preferred == 0 ? LowMemory.END : preferred;
  }

  /** How much memory the kernel needs from there until it can look after itself, in bytes. */
  long runBytes() {
    return Math.max(u32(INIT_SIZE), protectedModeBytes());
  }

  /** The first address that an initrd must not reach. */
  long initrdLimit() {
    return u32(INITRD_ADDR_MAX) + 1;
  }

  /** How long the command line may be, in bytes. */
  long commandLineBytes() {
    return Math.min(u32(CMDLINE_SIZE), LowMemory.LINUX_COMMAND_LINE_BYTES - 1);
  }

  private int u8(int offset) {
    return bytes.get(ValueLayout.JAVA_BYTE, offset) & 0xff;
  }

  private int u16(int offset) {
    return bytes.get(U16, offset) & 0xffff;
  }

  private long u32(int offset) {
    return Integer.toUnsignedLong(bytes.get(U32, offset));
  }
}
