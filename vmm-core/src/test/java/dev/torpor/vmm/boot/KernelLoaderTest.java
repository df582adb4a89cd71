package dev.torpor.vmm.boot;

import static dev.torpor.kvm.Register.RBX;
import static dev.torpor.kvm.Register.RFLAGS;
import static dev.torpor.kvm.Register.RIP;
import static dev.torpor.kvm.Register.RSI;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.function.Consumer;
import org.assertj.core.api.AbstractStringAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KernelLoaderTest {
  private static final long RSDP = 0xe_0000;
  private static final long MIB = 1 << 20;

  @TempDir private Path folder;
  private final GuestMemory memory = GuestMemory.allocate(64 * MIB, MemoryBacking.ANONYMOUS, false);

  @AfterEach
  void close() {
    memory.close();
  }

  private Path file(String name, byte[] contents) throws IOException {
    return Files.write(folder.resolve(name), contents);
  }

  private VcpuEntry load(byte[] kernel, byte[] initrd, String commandLine) throws IOException {
    return load(memory, kernel, initrd, commandLine);
  }

  private VcpuEntry load(GuestMemory into, byte[] kernel, byte[] initrd, String commandLine)
      throws IOException {
    Optional<Path> initrdFile =
        initrd == null ? Optional.empty() : Optional.of(file("initrd", initrd));
    BootState state =
        KernelLoader.load(
            into, new LinuxGuest(file("vmlinuz", kernel), initrdFile, commandLine), RSDP);
    assertThat(state.entries()).as("the others wait for SIPI").hasSize(1);
    return state.entry(0).orElseThrow();
  }

  private byte[] ram(long gpa, int byteCount) {
    byte[] bytes = new byte[byteCount];
    memory.read(gpa, MemorySegment.ofArray(bytes));
    return bytes;
  }

  private String text(long gpa) {
    byte[] bytes = ram(gpa, 4096);
    return new String(bytes, 0, Math.max(0, indexOfZero(bytes)), UTF_8);
  }

  private static int indexOfZero(byte[] bytes) {
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == 0) {
        return i;
      }
    }
    return -1;
  }

  private AbstractStringAssert<?> assertRefused(byte[] kernel) {
    Exception refusal = null;
    try {
      load(kernel, null, "");
    } catch (IOException | BootException e) {
      refusal = e;
    }
    assertThat(refusal).isInstanceOf(BootException.class);
    return assertThat(refusal.getMessage()).doesNotContain("\n").contains("vmlinuz");
  }

  private static byte[] bzImageWith(Consumer<ByteBuffer> change) {
    byte[] file = SyntheticKernels.bzImage();
    change.accept(SyntheticKernels.view(file));
    return file;
  }

  private static byte[] elfWith(Consumer<ByteBuffer> change) {
    byte[] file = SyntheticKernels.elf64();
    change.accept(SyntheticKernels.view(file));
    return file;
  }

  @Test
  void bzImageLiesAtItsPreferredAddressAndBegins0x200BytesIn() throws IOException {
    byte[] kernel = SyntheticKernels.bzImage();
    VcpuEntry entry = load(kernel, null, "quiet");
    assertThat(entry.register(RIP)).isEqualTo(0x100_0200);
    assertThat(ram(0x100_0000, SyntheticKernels.PROTECTED_MODE_BYTES))
        .isEqualTo(Arrays.copyOfRange(kernel, SyntheticKernels.SETUP_BYTES, kernel.length));
    assertThat(memory.readByte(0x100_0000 + SyntheticKernels.PROTECTED_MODE_BYTES)).isZero();
  }

  @Test
  void zeroPageSaysWhatLinuxNeedsToKnow() throws IOException {
    byte[] initrd = new byte[5000];
    Arrays.fill(initrd, (byte) 7);
    VcpuEntry entry = load(SyntheticKernels.bzImage(), initrd, "console=ttyS0 äöü");
    long page = entry.register(RSI);
    assertThat(page).isEqualTo(0x7000);
    assertThat(memory.readInt(page + 0x202)).as("HdrS").isEqualTo(0x5372_6448);
    assertThat(memory.readByte(page + 0x1ef)).as("sentinel").isZero();
    assertThat(memory.readByte(page + 0x210)).as("type_of_loader").isEqualTo((byte) 0xff);
    assertThat(memory.readByte(page + 0x211)).as("loadflags").isEqualTo((byte) 1);
    assertThat(memory.readInt(page + 0x214)).as("code32_start").isEqualTo(0x100_0000);
    assertThat(memory.readLong(page + 0x070)).as("acpi_rsdp_addr").isEqualTo(RSDP);
    assertThat(memory.readByte(page + 0x06)).as("no video mode").isZero();
    assertThat(text(memory.readInt(page + 0x228))).isEqualTo("console=ttyS0 äöü");
    assertThat(memory.readInt(page + 0x21c)).as("ramdisk_size").isEqualTo(5000);
    int ramdisk = memory.readInt(page + 0x218);
    assertThat(ramdisk).as("as high as it fits").isEqualTo((int) (64 * MIB - 8192));
    assertThat(ram(ramdisk, 5000)).isEqualTo(initrd);
  }

  @Test
  void memoryMapKeepsTheFirstMibAsOnAPc() throws IOException {
    load(SyntheticKernels.bzImage(), null, "");
    long table = 0x7000 + 0x2d0;
    assertThat(memory.readByte(0x7000 + 0x1e8)).isEqualTo((byte) 4);
    long[][] expected = {
      {0, 0x9_fc00, 1},
      {0x9_fc00, 0x400, 2},
      {0xe_0000, 0x2_0000, 2},
      {0x10_0000, 63 * MIB, 1}
    };
    for (int i = 0; i < expected.length; i++) {
      assertThat(memory.readLong(table + i * 20L)).isEqualTo(expected[i][0]);
      assertThat(memory.readLong(table + i * 20L + 8)).isEqualTo(expected[i][1]);
      assertThat(memory.readInt(table + i * 20L + 16)).isEqualTo((int) expected[i][2]);
    }
  }

  @Test
  void memoryBeyondTheHoleIsInTheMapAndTheInitrdStaysBelowItsLimit() throws IOException {
    try (GuestMemory large = GuestMemory.allocate(5L << 30, MemoryBacking.ANONYMOUS, false)) {
      load(large, SyntheticKernels.bzImage(), new byte[4096], "");
      assertThat(large.readByte(0x7000 + 0x1e8)).isEqualTo((byte) 5);
      assertThat(large.readLong(0x7000 + 0x2d0 + 3 * 20 + 8)).isEqualTo((3L << 30) - MIB);
      assertThat(large.readLong(0x7000 + 0x2d0 + 4 * 20)).isEqualTo(4L << 30);
      assertThat(large.readLong(0x7000 + 0x2d0 + 4 * 20 + 8)).isEqualTo(2L << 30);
      assertThat(large.readInt(0x7000 + 0x218)).isEqualTo(0x7fff_f000);
    }
  }

  @Test
  void linuxBeginsIn64BitModeOnAnIdentityMappingWithItsOwnDescriptors() throws IOException {
    VcpuEntry entry = load(SyntheticKernels.bzImage(), null, "");
    assertThat(entry.cr0()).as("PG NE ET PE").isEqualTo(0x8000_0031L);
    assertThat(entry.cr4()).as("PAE").isEqualTo(0x20);
    assertThat(entry.efer()).as("LMA LME").isEqualTo(0x500);
    assertThat(entry.register(RFLAGS)).as("interrupts off").isEqualTo(2);
    assertThat(entry.code().selector()).isEqualTo(0x10);
    assertThat(entry.data().selector()).isEqualTo(0x18);
    assertThat(entry.code().l()).isTrue();
    assertThat(memory.readLong(entry.gdt().base() + 0x10))
        .isEqualTo(Segments.descriptor(entry.code()));
    assertThat(memory.readLong(entry.gdt().base() + 0x18))
        .isEqualTo(Segments.descriptor(entry.data()));
    assertThat(memory.readLong(entry.gdt().base() + entry.task().selector()))
        .isEqualTo(Segments.descriptor(entry.task()));
    assertThat(entry.gdt().limit()).isEqualTo(0x2f);
    for (long gpa : new long[] {0, 0x7000, 0x100_0200, 0xfee0_0000L, 0xffff_ffffL}) {
      assertThat(translate(entry.cr3(), gpa)).isEqualTo(gpa);
    }
  }

  private long translate(long cr3, long address) {
    long pdpt = next(cr3, address >>> 39 & 0x1ff);
    long pd = next(pdpt, address >>> 30 & 0x1ff);
    long page = memory.readLong(pd + (address >>> 21 & 0x1ff) * 8);
    assertThat(page & 0x83).as("present, writable, large").isEqualTo(0x83);
    return (page & ~0x1f_ffffL) | (address & 0x1f_ffff);
  }

  private long next(long table, long index) {
    long entry = memory.readLong(table + index * 8);
    assertThat(entry & 3).as("present and writable").isEqualTo(3);
    return entry & ~0xfffL;
  }

  @Test
  void bzImageThatIsWrongIsRefusedWithTheReason() {
    assertRefused(bzImageWith(f -> f.putShort(0x206, (short) 0x20b)))
        .contains("boot protocol 2.11", "2.12");
    assertRefused(bzImageWith(f -> f.putShort(0x236, (short) 0x7e))).contains("x86-64");
    assertRefused(bzImageWith(f -> f.put(0x211, (byte) 0))).contains("zImage");
    assertRefused(bzImageWith(f -> f.put(0x201, (byte) 0x20))).contains("header ends at 0x222");
    assertRefused(bzImageWith(f -> f.putInt(0x1f4, -1))).contains("truncated");
    assertRefused(Arrays.copyOf(SyntheticKernels.bzImage(), 30_000))
        .contains("truncated: it has 30000 bytes", "at least 67072");
    assertRefused(Arrays.copyOf(SyntheticKernels.bzImage(), 0x230)).contains("truncated");
    assertRefused(bzImageWith(f -> f.putLong(0x258, 0x7000))).contains("0x7000, below 1 MiB");
    assertRefused(bzImageWith(f -> f.putLong(0x258, -4096))).contains("below 1 MiB");
    assertRefused(bzImageWith(f -> f.putLong(0x258, Long.MAX_VALUE))).contains("more memory");
    assertRefused(bzImageWith(f -> f.putLong(0x258, 1L << 32))).contains("more memory");
    assertRefused(bzImageWith(f -> f.putInt(0x260, -1)))
        .contains("needs RAM from 0x1000000 to 0x100ffffff", "ends at 0x4000000");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 0x205, 511})
  void fileThatIsNoKernelIsRefused(int byteCount) {
    byte[] passwords = new byte[byteCount];
    Arrays.fill(passwords, (byte) ':');
    assertRefused(passwords).contains("neither a bzImage nor a PVH ELF kernel");
  }

  @Test
  void filesThatCannotBeReadAreRefused() {
    for (Path path :
        new Path[] {
          folder.resolve("missing"), folder, Path.of("/dev/zero"), Path.of("/dev/null")
        }) {
      LinuxGuest guest = new LinuxGuest(path, Optional.empty(), "");
      assertThatThrownBy(() -> KernelLoader.load(memory, guest, RSDP))
          .isInstanceOf(BootException.class)
          .hasMessageContaining("kernel " + path);
    }
  }

  @Test
  void initrdThatDoesNotFitIsRefused() throws IOException {
    byte[] kernel = SyntheticKernels.bzImage();
    // From the end of init_size, at 17 MiB, up to 64 MiB.
    assertThat(load(kernel, new byte[(int) (47 * MIB)], "")).isNotNull();
    assertThatThrownBy(() -> load(kernel, new byte[(int) (47 * MIB) + 1], ""))
        .isInstanceOf(BootException.class)
        .hasMessageContaining("initrd")
        .hasMessageContaining("more memory");
    assertThatThrownBy(() -> load(kernel, new byte[0], "")).hasMessageContaining("is empty");
  }

  @Test
  void commandLineThatTheKernelCannotTakeIsRefused() throws IOException {
    byte[] kernel = SyntheticKernels.bzImage();
    load(kernel, null, "x".repeat(2047));
    assertThat(text(0x2_0000)).hasSize(2047);
    assertThatThrownBy(() -> load(kernel, null, "x".repeat(2048)))
        .isInstanceOf(BootException.class)
        .hasMessageContaining("2048 bytes, and the kernel takes at most 2047");
    assertThatThrownBy(() -> load(kernel, null, "a\0b")).hasMessageContaining("zero byte");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void elfKernelIsLoadedWithItsBssZeroed(boolean is64) throws IOException {
    memory.fill(0x10_0000, 4 * MIB, (byte) 0xee);
    VcpuEntry entry = load(is64 ? SyntheticKernels.elf64() : SyntheticKernels.elf32(), null, "");
    assertThat(entry.register(RIP)).isEqualTo(SyntheticKernels.ELF_ENTRY);
    assertThat(ram(0x10_0000, 0x801)).startsWith(0x90).endsWith(0x90, 0xee);
    assertThat(ram(0x20_0000, 0x101)).startsWith(0x77).endsWith(0x77, 0);
    assertThat(ram(0x20_0100, 0x2f00)).containsOnly(0);
    assertThat(memory.readByte(0x20_3000)).isEqualTo((byte) 0xee);
  }

  @Test
  void pvhKernelBeginsIn32BitModeWithTheStartBlockInEbx() throws IOException {
    VcpuEntry entry = load(SyntheticKernels.elf64(), new byte[100], "rdi=1");
    assertThat(entry.cr0()).as("ET PE").isEqualTo(0x11);
    assertThat(entry.cr4()).isZero();
    assertThat(entry.efer()).isZero();
    assertThat(entry.register(RFLAGS)).isEqualTo(2);
    assertThat(entry.code().db()).isTrue();
    assertThat(entry.code().l()).isFalse();
    assertThat(entry.task().limit()).isEqualTo(0x67);
    long info = entry.register(RBX);
    assertThat(memory.readInt(info)).isEqualTo(0x336e_c578);
    assertThat(memory.readInt(info + 4)).as("version").isEqualTo(1);
    assertThat(text(memory.readLong(info + 24))).isEqualTo("rdi=1");
    assertThat(memory.readLong(info + 32)).isEqualTo(RSDP);
    assertThat(memory.readInt(info + 12)).as("modules").isEqualTo(1);
    long module = memory.readLong(info + 16);
    assertThat(memory.readLong(module)).isEqualTo(64 * MIB - 4096);
    assertThat(memory.readLong(module + 8)).isEqualTo(100);
    long map = memory.readLong(info + 40);
    assertThat(memory.readInt(info + 48)).isEqualTo(4);
    assertThat(memory.readLong(map + 3 * 24)).isEqualTo(MIB);
    assertThat(memory.readLong(map + 3 * 24 + 8)).isEqualTo(63 * MIB);
    assertThat(memory.readLong(map + 3 * 24 + 16)).isEqualTo(1);
  }

  @Test
  void elfThatIsWrongIsRefusedWithTheReason() {
    assertRefused(elfWith(f -> f.putShort(18, (short) 183))).contains("machine 183");
    assertRefused(elfWith(f -> f.putInt(0xb14 + 8, 17))).contains("CONFIG_PVH");
    assertRefused(elfWith(f -> f.putInt(0xb00 + 4, -1))).contains("CONFIG_PVH");
    assertRefused(elfWith(f -> f.putInt(0xb14 + 16, 0x30_0000)))
        .contains("0x300000, outside its segments");
    assertRefused(elfWith(f -> f.putLong(64 + 8, -1))).contains("damaged or truncated");
    assertRefused(elfWith(f -> f.putLong(64 + 32, Long.MAX_VALUE))).contains("damaged");
    assertRefused(elfWith(f -> f.putLong(64 + 40, 0x7ff))).contains("claims to need 0x7ff");
    assertRefused(elfWith(f -> f.putLong(120 + 24, 0x7000))).contains("segment at 0x7000");
    assertRefused(elfWith(f -> f.putLong(120 + 24, -0x400))).contains("segment at 0xffff");
    assertRefused(elfWith(f -> f.putLong(120 + 40, -1))).contains("0xffffffffffffffff bytes");
    assertRefused(elfWith(f -> f.putLong(32, 0x1000))).contains("program headers");
    assertRefused(elfWith(f -> f.putShort(54, (short) 1))).contains("program headers of 1 bytes");
    assertRefused(elfWith(f -> f.putShort(56, (short) -1))).contains("65535 program headers");
    assertRefused(Arrays.copyOf(SyntheticKernels.elf64(), 19)).contains("truncated");
    assertRefused(Arrays.copyOf(SyntheticKernels.elf64(), 63)).contains("truncated");
    assertRefused(Arrays.copyOf(SyntheticKernels.elf64(), 0x900)).contains("truncated");
  }
}
