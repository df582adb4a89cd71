package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.Phaser;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Guest memory remembers the pages that the VMM writes, from the moment somebody asks. */
class WrittenPagesTest {
  private static final long GIB = 1L << 30;
  private static final int PAGE = 4096;
  private static final int WRITERS = 2;
  private static final int BURSTS = 20_000;
  private static final long BURST_WRITES = 2;

  /** Mostly untouched, so it costs address space only. */
  private static final GuestMemory FIVE_GIB =
      GuestMemory.allocate(5 * GIB, MemoryBacking.ANONYMOUS, false);

  private record Write(int method, long gpa, int byteCount) {
    void into(GuestMemory memory) {
      switch (method) {
        case 0 -> memory.writeByte(gpa, (byte) 1);
        case 1 -> memory.writeShort(gpa, (short) 1);
        case 2 -> memory.writeInt(gpa, 1);
        case 3 -> memory.writeLong(gpa, 1);
        case 4 -> memory.writeShortRelease(gpa & ~1, (short) 1);
        case 5 -> memory.write(gpa, MemorySegment.ofArray(new byte[byteCount]));
        case 6 -> memory.fill(gpa, byteCount, (byte) 1);
        default -> memory.markWritten(gpa, byteCount);
      }
    }

    void into(BitSet model) {
      int length =
          switch (method) {
            case 0 -> 1;
            case 1, 4 -> 2;
            case 2 -> 4;
            case 3 -> 8;
            default -> byteCount;
          };
      long start = method == 4 ? gpa & ~1 : gpa;
      long offset = start < 3 * GIB ? start : start - GIB;
      for (int i = 0; i < length; i++) {
        model.set((int) ((offset + i) / PAGE));
      }
    }
  }

  @Provide
  Arbitrary<Write> writes() {
    Arbitrary<Long> addresses =
        Arbitraries.oneOf(
            Arbitraries.longs().between(0, 40 * PAGE),
            Arbitraries.longs().between(3 * GIB - 20 * PAGE, 3 * GIB - 3 * PAGE),
            Arbitraries.longs().between(4 * GIB, 4 * GIB + 20 * PAGE));
    return net.jqwik.api.Combinators.combine(
            Arbitraries.integers().between(0, 7),
            addresses,
            Arbitraries.integers().between(0, 2 * PAGE))
        .as(Write::new);
  }

  @Property(tries = 1000)
  void exactlyTheWrittenPagesAreTakenAndTakenOnce(
      @ForAll @Size(max = 20) List<@net.jqwik.api.From("writes") Write> writes,
      @ForAll @IntRange(max = 20) int collections) {
    FIVE_GIB.startMarking();
    PageSet taken = new PageSet(FIVE_GIB.pageCount());
    FIVE_GIB.takeWritten(taken);
    taken.clear();
    BitSet model = new BitSet();
    for (int i = 0; i < writes.size(); i++) {
      writes.get(i).into(FIVE_GIB);
      writes.get(i).into(model);
      if (i % (collections + 1) == collections) {
        FIVE_GIB.takeWritten(taken);
        assertThat(PageSetTest.toBitSet(taken)).isEqualTo(model);
        taken.clear();
        model.clear();
      }
    }
    FIVE_GIB.takeWritten(taken);
    assertThat(PageSetTest.toBitSet(taken)).isEqualTo(model);
    PageSet again = new PageSet(FIVE_GIB.pageCount());
    FIVE_GIB.takeWritten(again);
    assertThat(again.isEmpty()).isTrue();
  }

  @Test
  void nothingIsMarkedBeforeSomebodyAsks() {
    try (GuestMemory memory = GuestMemory.allocate(8 << 20, MemoryBacking.ANONYMOUS, false)) {
      PageSet taken = new PageSet(memory.pageCount());
      memory.writeLong(0x5000, 1);
      memory.takeWritten(taken);
      assertThat(taken.isEmpty()).isTrue();
      memory.startMarking();
      memory.takeWritten(taken);
      assertThat(taken.isEmpty()).isTrue();
      memory.writeLong(0x6000, 1);
      memory.takeWritten(taken);
      assertThat(PageSetTest.toBitSet(taken).stream()).containsExactly(6);
    }
  }

  /** A long write is looked at while it is under way: its marks must come behind it. */
  @Test
  void noPageIsMarkedBeforeItsWriteIsComplete() throws InterruptedException {
    long byteCount = 64 << 20;
    try (GuestMemory memory = GuestMemory.allocate(byteCount, MemoryBacking.ANONYMOUS, false)) {
      memory.startMarking();
      PageSet early = new PageSet(memory.pageCount());
      boolean underWay = false;
      for (byte value = 1; !underWay && value < 100; value++) {
        byte written = value;
        Thread writer = Thread.ofPlatform().start(() -> memory.fill(0, byteCount, written));
        while (memory.readByte(0) != value) {
          Thread.onSpinWait();
        }
        early.clear();
        memory.takeWritten(early);
        underWay = memory.readByte(byteCount - 1) != value;
        writer.join();
      }
      assertThat(underWay).isTrue();
      assertThat(early.count()).isZero();
      memory.takeWritten(early);
      assertThat(early.count()).isEqualTo(memory.pageCount());
    }
  }

  @Test
  void pagesHaveAddressesInOneRow() {
    assertThat(FIVE_GIB.pageCount()).isEqualTo(5 * GIB / PAGE);
    assertThat(FIVE_GIB.hvaOfPage(0)).isEqualTo(FIVE_GIB.address());
    assertThat(FIVE_GIB.hvaOfPage(3 * GIB / PAGE)).isEqualTo(FIVE_GIB.hva(4 * GIB, PAGE));
  }

  /**
   * Both writers write to the same pages, each a word of its own in every page, while a copy
   * follows the marks. After every burst the copy is complete.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aCopyThatFollowsTheMarksMissesNoWriteOfManyThreads(int pages) throws InterruptedException {
    try (GuestMemory memory = GuestMemory.allocate(8 << 20, MemoryBacking.ANONYMOUS, false)) {
      memory.startMarking();
      Phaser start = new Phaser(WRITERS + 1);
      AtomicInteger done = new AtomicInteger();
      List<Thread> writers = new ArrayList<>();
      for (int id = 0; id < WRITERS; id++) {
        writers.add(Thread.ofPlatform().start(writer(memory, id, pages, start, done)));
      }
      long[] copy = new long[WRITERS * pages];
      PageSet taken = new PageSet(memory.pageCount());
      for (int burst = 1; burst <= BURSTS; burst++) {
        start.arriveAndAwaitAdvance();
        while (done.get() < WRITERS * burst) {
          follow(memory, taken, copy, pages);
        }
        follow(memory, taken, copy, pages);
        assertThat(copy).as("burst %d", burst).containsOnly((long) burst * BURST_WRITES - 1);
      }
      for (Thread writer : writers) {
        writer.join();
      }
    }
  }

  private static Runnable writer(
      GuestMemory memory, int id, int pages, Phaser start, AtomicInteger done) {
    return () -> {
      for (int burst = 0; burst < BURSTS; burst++) {
        start.arriveAndAwaitAdvance();
        for (long i = 0; i < BURST_WRITES; i++) {
          for (int page = 0; page < pages; page++) {
            memory.writeLong(address(id * pages + page, pages), burst * BURST_WRITES + i);
          }
        }
        done.incrementAndGet();
      }
    };
  }

  private static long address(int slot, int pages) {
    return (long) (slot % pages) * 70 * PAGE + slot / pages * 8L;
  }

  private static void follow(GuestMemory memory, PageSet taken, long[] copy, int pages) {
    taken.clear();
    memory.takeWritten(taken);
    for (int slot = 0; slot < copy.length; slot++) {
      long gpa = address(slot, pages);
      if (taken.contains(gpa / PAGE)) {
        copy[slot] = memory.readLong(gpa);
      }
    }
  }
}
