package dev.torpor.vmm.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.kvm.Register;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Kernel files with damage in random places either load or are refused with one line. Whichever it
 * is, nothing is written where the loader has no business, and a kernel that loads begins in RAM.
 */
class HostileKernelTest {
  private static final long RAM_BYTES = 32 << 20;
  private static final long[] FORBIDDEN = {0x0, 0x6000, 0x9_f000, 0xa_0000, 0xe_0000, 0xf_f000};
  private static final byte SENTINEL = 0x5a;

  private static GuestMemory memory;
  private static Path kernel;

  /** A value of up to 8 bytes that replaces what the file had. */
  record Damage(int offset, int byteCount, long value) {
    void apply(ByteBuffer file) {
      for (int i = 0; i < byteCount && offset + i < file.capacity(); i++) {
        file.put(offset + i, (byte) (value >>> (8 * i)));
      }
    }
  }

  @BeforeContainer
  static void open() throws IOException {
    memory = GuestMemory.allocate(RAM_BYTES, MemoryBacking.ANONYMOUS, false);
    kernel = Files.createTempFile("torpor-hostile", ".kernel");
  }

  @AfterContainer
  static void close() throws IOException {
    memory.close();
    Files.delete(kernel);
  }

  /** Values at which sums wrap, sizes reach an end, or fields become each other. */
  private static Arbitrary<Damage> damage(int fileBytes) {
    Arbitrary<Long> values =
        Arbitraries.oneOf(
            Arbitraries.longs(),
            Arbitraries.longs().between(0, 0x2000),
            Arbitraries.of(
                -1L,
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                0xffff_ffffL,
                0x8000_0000L,
                0x7fff_ffffL,
                RAM_BYTES,
                RAM_BYTES - 1,
                0x10_0000L,
                0xe_0000L,
                1L << 32));
    return Combinators.combine(
            Arbitraries.integers().between(0, fileBytes - 1), Arbitraries.of(1, 2, 4, 8), values)
        .as(Damage::new);
  }

  @Provide
  Arbitrary<List<Damage>> headerDamage() {
    return damage(0xa0)
        .map(d -> new Damage(0x1f0 + d.offset(), d.byteCount(), d.value()))
        .list()
        .ofMinSize(1)
        .ofMaxSize(4);
  }

  @Provide
  Arbitrary<List<Damage>> elfDamage() {
    Arbitrary<Damage> notes =
        damage(0x30).map(d -> new Damage(0xb00 + d.offset(), d.byteCount(), d.value()));
    return Arbitraries.oneOf(damage(240), notes).list().ofMinSize(1).ofMaxSize(4);
  }

  @Property(tries = 700)
  void damagedBzImageLoadsOrIsRefused(@ForAll("headerDamage") List<Damage> damages)
      throws IOException {
    loadOrRefuse(SyntheticKernels.bzImage(), damages);
  }

  @Property(tries = 700)
  void damagedElf64LoadsOrIsRefused(@ForAll("elfDamage") List<Damage> damages) throws IOException {
    loadOrRefuse(SyntheticKernels.elf64(), damages);
  }

  @Property(tries = 400)
  void damagedElf32LoadsOrIsRefused(@ForAll("elfDamage") List<Damage> damages) throws IOException {
    loadOrRefuse(SyntheticKernels.elf32(), damages);
  }

  private static void loadOrRefuse(byte[] file, List<Damage> damages) throws IOException {
    damages.forEach(damage -> damage.apply(SyntheticKernels.view(file)));
    Files.write(kernel, file);
    for (long page : FORBIDDEN) {
      memory.fill(page, forbiddenBytes(page), SENTINEL);
    }
    try {
      BootState state =
          KernelLoader.load(memory, new LinuxGuest(kernel, Optional.of(kernel), "a=b"), 0xe_0000);
      long rip = state.entry(0).orElseThrow().register(Register.RIP);
      assertThat(rip).isBetween(0x10_0000L, RAM_BYTES - 1);
    } catch (BootException e) {
      assertThat(e.getMessage()).doesNotContain("\n").containsPattern(kernel + "|command line");
    }
    for (long page : FORBIDDEN) {
      byte[] bytes = new byte[(int) forbiddenBytes(page)];
      memory.read(page, MemorySegment.ofArray(bytes));
      byte[] untouched = new byte[bytes.length];
      Arrays.fill(untouched, SENTINEL);
      assertThat(bytes).as("page 0x%x", page).isEqualTo(untouched);
    }
  }

  /** The first page has the descriptor table in it. */
  private static long forbiddenBytes(long page) {
    return page == 0 ? LowMemory.GDT : 4096;
  }
}
