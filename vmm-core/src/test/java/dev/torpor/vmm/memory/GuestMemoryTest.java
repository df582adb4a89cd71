package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GuestMemoryTest {
  private static final long GIB = 1L << 30;
  private static final long SMALL = 8L << 20;

  private static GuestMemory allocate(long byteSize) {
    return GuestMemory.allocate(byteSize, MemoryBacking.ANONYMOUS, true);
  }

  @Provide
  Arbitrary<Long> addresses() {
    return Arbitraries.oneOf(
        Arbitraries.longs(),
        Arbitraries.longs().between(-5000, 5000),
        Arbitraries.longs().between(-5000, 5000).map(offset -> 3 * GIB + offset),
        Arbitraries.longs().between(-5000, 5000).map(offset -> 4 * GIB + offset),
        Arbitraries.longs().between(-5000, 5000).map(offset -> 6 * GIB + offset),
        Arbitraries.longs().between(0, 8 * GIB));
  }

  /** The naive model: an unsigned range is RAM when it lies in one of two unsigned ranges. */
  private static boolean isRam(long gpa, long byteCount) {
    BigInteger start = new BigInteger(Long.toUnsignedString(gpa));
    BigInteger end = start.add(new BigInteger(Long.toUnsignedString(byteCount)));
    return within(start, end, 0, 3 * GIB) || within(start, end, 4 * GIB, 6 * GIB);
  }

  private static boolean within(BigInteger start, BigInteger end, long low, long high) {
    return start.compareTo(BigInteger.valueOf(low)) >= 0
        && start.compareTo(BigInteger.valueOf(high)) < 0
        && end.compareTo(BigInteger.valueOf(high)) <= 0;
  }

  @Property(tries = 20_000)
  void aRangeIsRamExactlyWhenTheLayoutSaysSo(
      @ForAll("addresses") long gpa, @ForAll("addresses") long byteCount) {
    assertThat(FIVE_GIB.contains(gpa, byteCount)).isEqualTo(isRam(gpa, byteCount));
  }

  /** Never touched, so it costs address space only. */
  private static final GuestMemory FIVE_GIB = allocate(5 * GIB);

  @Test
  void whatIsWrittenIsReadBackLittleEndianOnBothSidesOfTheHole() {
    for (long gpa : new long[] {0x1003, 4 * GIB + 0x1003}) {
      FIVE_GIB.writeLong(gpa, 0x0807_0605_0403_0201L);
      assertThat(FIVE_GIB.readByte(gpa)).isEqualTo((byte) 1);
      assertThat(FIVE_GIB.readShort(gpa + 1)).isEqualTo((short) 0x0302);
      assertThat(FIVE_GIB.readInt(gpa + 3)).isEqualTo(0x0706_0504);
      assertThat(FIVE_GIB.readLong(gpa)).isEqualTo(0x0807_0605_0403_0201L);
    }
  }

  @Test
  void theTwoRegionsDoNotAlias() {
    FIVE_GIB.writeLong(0x5000, 1);
    FIVE_GIB.writeLong(4 * GIB + 0x5000, 2);
    assertThat(FIVE_GIB.readLong(0x5000)).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(longs = {SMALL - 7, SMALL, -8, Long.MAX_VALUE - 3, 3 * GIB})
  void everyAccessOutsideRamIsRefusedWithItsAddress(long gpa) {
    try (GuestMemory memory = allocate(SMALL)) {
      List<Runnable> accesses =
          List.of(
              () -> memory.readLong(gpa),
              () -> memory.writeLong(gpa, 1),
              () -> memory.hva(gpa, 8),
              () -> memory.fill(gpa, 8, (byte) 1),
              () -> memory.read(gpa, MemorySegment.ofArray(new byte[8])),
              () -> memory.write(gpa, MemorySegment.ofArray(new byte[8])));
      assertThat(accesses)
          .allSatisfy(
              access ->
                  assertThatThrownBy(access::run)
                      .isInstanceOf(GuestAddressException.class)
                      .hasMessageContaining("0x%x of 8 bytes".formatted(gpa)));
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"ANONYMOUS", "MEMFD"})
  void memoryBeginsAsZeroesAndCopiesWholeRanges(MemoryBacking backing) {
    try (GuestMemory memory = GuestMemory.allocate(SMALL, backing, false)) {
      byte[] copied = new byte[5000];
      memory.read(4000, MemorySegment.ofArray(copied));
      assertThat(copied).containsOnly(0);
      memory.fill(4000, 5000, (byte) 7);
      memory.read(4000, MemorySegment.ofArray(copied));
      assertThat(copied).containsOnly(7);
      memory.write(4000, MemorySegment.ofArray(new byte[] {1, 2, 3}));
      assertThat(memory.readInt(4000)).isEqualTo(0x0703_0201);
    }
  }

  @Test
  void memoryLiesAtAnAddressThatHugePagesCanServe() {
    try (GuestMemory memory = allocate(SMALL)) {
      assertThat(memory.hva(0, 1) % (2 << 20)).isZero();
    }
  }

  @Test
  void hugePagesAreServedOrTheirLackIsTold() throws Exception {
    boolean reserved = !Files.readString(Path.of("/proc/sys/vm/nr_hugepages")).strip().equals("0");
    if (reserved) {
      try (GuestMemory memory = GuestMemory.allocate(SMALL, MemoryBacking.HUGETLBFS, true)) {
        memory.writeLong(0, 1);
        assertThat(memory.readLong(0)).isEqualTo(1);
      }
    } else {
      assertThatThrownBy(() -> GuestMemory.allocate(SMALL, MemoryBacking.HUGETLBFS, true))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("vm.nr_hugepages");
    }
  }

  @Test
  void allocatedPagesOfAMemfdAreToldAlsoWhenThePageTablesHaveLostThem() {
    try (GuestMemory memory = GuestMemory.allocate(SMALL, MemoryBacking.MEMFD, false)) {
      PageSet expected = new PageSet(memory.pageCount());
      for (long page : new long[] {0, 5, 6, memory.pageCount() - 1}) {
        memory.writeLong(page * MemoryLayout.PAGE_BYTES, 1);
        expected.add(page);
      }
      memory.mapping().advise(0, SMALL, Mapping.Advice.DONT_NEED);
      PageSet found = new PageSet(memory.pageCount());
      assertThat(memory.addAllocated(found)).isTrue();
      for (long page = 0; page < memory.pageCount(); page++) {
        assertThat(found.contains(page)).as("page %d", page).isEqualTo(expected.contains(page));
      }
    }
  }

  @Test
  void memoryOnHugePagesMustBeWholeHugePages() {
    assertThatThrownBy(() -> GuestMemory.allocate(SMALL + 4096, MemoryBacking.HUGETLBFS, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("multiple of 2 MiB");
  }

  @ParameterizedTest
  @ValueSource(longs = {-4096, 0, 3, 4095, (4 << 20) - 4096, (4 << 20) + 1, (252L << 30) + 4096})
  void aSizeThatCannotBeIsRefusedAndTheRangeTold(long byteSize) {
    assertThatThrownBy(() -> MemoryLayout.regions(byteSize))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("from 4 MiB to 252 GiB");
  }

  @Property
  void theRegionsHoldAllOfTheMemoryAndLeaveTheHole(@ForAll("sizes") long byteSize) {
    List<MemoryRegion> regions = MemoryLayout.regions(byteSize);
    assertThat(regions.stream().mapToLong(MemoryRegion::byteSize).sum()).isEqualTo(byteSize);
    assertThat(regions.getFirst().end()).isLessThanOrEqualTo(3 * GIB);
    assertThat(regions.size() == 1 || regions.get(1).gpa() == 4 * GIB).isTrue();
    assertThat(regions.getLast().backingOffset() + regions.getLast().byteSize())
        .isEqualTo(byteSize);
  }

  @Provide
  Arbitrary<Long> sizes() {
    return Arbitraries.longs().between(1024, 252L << 18).map(pages -> pages * 4096);
  }
}
