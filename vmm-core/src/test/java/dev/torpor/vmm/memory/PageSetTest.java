package dev.torpor.vmm.memory;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.Allocation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Page sets behave as {@link BitSet}s do. */
class PageSetTest {
  private enum Operation {
    ADD,
    ADD_RANGE,
    ADD_BITMAP,
    REMOVE,
    ADD_ALL,
    REMOVE_ALL,
    COPY_FROM,
    CLEAR,
    SWAP
  }

  /** Sizes around the borders of words and of words of the summary. */
  @Provide
  Arbitrary<Integer> sizes() {
    return Arbitraries.oneOf(
        Arbitraries.integers().between(1, 200),
        Arbitraries.of(4095, 4096, 4097, 40_000, 64 * 64 * 64));
  }

  @Provide
  Arbitrary<List<Operation>> operations() {
    return Arbitraries.of(Operation.class).list().ofMaxSize(60);
  }

  /** Two sets and their models, on which random operations are done side by side. */
  private static final class Pair {
    private final int size;
    private final Random random;
    private PageSet set;
    private PageSet other;
    private BitSet model = new BitSet();
    private BitSet otherModel = new BitSet();

    Pair(int size, long seed) {
      this.size = size;
      this.random = new Random(seed);
      set = new PageSet(size);
      other = new PageSet(size);
    }

    void apply(Operation operation) {
      int page = random.nextInt(size);
      switch (operation) {
        case ADD -> {
          assertThat(set.add(page)).isEqualTo(!model.get(page));
          model.set(page);
        }
        case ADD_RANGE -> {
          int count = random.nextInt(size - page + 1);
          set.addRange(page, count);
          model.set(page, page + count);
        }
        case ADD_BITMAP -> addBitmap(page & -64);
        case REMOVE -> {
          assertThat(set.remove(page)).isEqualTo(model.get(page));
          model.clear(page);
        }
        case ADD_ALL -> {
          set.addAll(other);
          model.or(otherModel);
        }
        case REMOVE_ALL -> {
          set.removeAll(other);
          model.andNot(otherModel);
        }
        case COPY_FROM -> {
          set.copyFrom(other);
          model = (BitSet) otherModel.clone();
        }
        case CLEAR -> {
          set.clear();
          model.clear();
        }
        case SWAP -> {
          PageSet thisSet = set;
          set = other;
          other = thisSet;
          BitSet thisModel = model;
          model = otherModel;
          otherModel = thisModel;
        }
      }
    }

    private void addBitmap(int firstPage) {
      int count = random.nextInt(size - firstPage + 1);
      MemorySegment bitmap = Arena.ofAuto().allocate(Math.ceilDiv(count, 64) * 8L + 8, 8);
      boolean any = false;
      for (int word = 0; word < bitmap.byteSize() / 8; word++) {
        bitmap.setAtIndex(JAVA_LONG, word, random.nextInt(3) == 0 ? random.nextLong() : 0);
      }
      for (int i = 0; i < count; i++) {
        if ((bitmap.getAtIndex(JAVA_LONG, i / 64) >>> i & 1) != 0) {
          model.set(firstPage + i);
          any = true;
        }
      }
      assertThat(set.addBitmap(firstPage, bitmap, count)).isEqualTo(any);
    }

    void check() {
      assertThat(set.count()).isEqualTo(model.cardinality());
      assertThat(set.isEmpty()).isEqualTo(model.isEmpty());
      assertThat(set.intersects(other)).isEqualTo(model.intersects(otherModel));
      assertThat(toBitSet(set)).isEqualTo(model);
      for (int i = 0; i < 20; i++) {
        int from = random.nextInt(size + 1);
        assertThat(set.next(from)).isEqualTo(model.nextSetBit(from));
        assertThat(set.nextAbsent(from)).isEqualTo(Math.min(size, model.nextClearBit(from)));
        assertThat(from < size && set.contains(from)).isEqualTo(model.get(from));
      }
    }
  }

  static BitSet toBitSet(PageSet set) {
    BitSet members = new BitSet();
    for (long page = set.next(0); page >= 0; page = set.next(page + 1)) {
      members.set((int) page);
    }
    return members;
  }

  @Property(tries = 2000)
  void aSetAnswersAsTheModelDoesAfterEveryOperation(
      @ForAll("sizes") int size,
      @ForAll("operations") List<Operation> operations,
      @ForAll long seed) {
    Pair pair = new Pair(size, seed);
    for (Operation operation : operations) {
      pair.apply(operation);
      pair.check();
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 100, Long.MAX_VALUE, Long.MIN_VALUE})
  void aPageThatDoesNotExistIsRefused(long page) {
    PageSet set = new PageSet(100);
    assertThatThrownBy(() -> set.add(page)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> set.remove(page)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> set.contains(page)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> set.addRange(page, 1)).isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void setsOfDifferentMemoriesAreNotMixed() {
    PageSet set = new PageSet(100);
    assertThatThrownBy(() -> set.addAll(new PageSet(101)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("100 pages and one of 101");
    assertThatThrownBy(() -> set.addBitmap(63, MemorySegment.ofArray(new long[1]), 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("page 63");
  }

  @Test
  void theLargestMemoryHasASet() {
    PageSet set = new PageSet(MemoryLayout.MAX_BYTES / MemoryLayout.PAGE_BYTES);
    set.add(set.pageCount() - 1);
    assertThat(set.next(0)).isEqualTo(set.pageCount() - 1);
    assertThat(set.nextAbsent(set.pageCount() - 1)).isEqualTo(set.pageCount());
  }

  @Test
  void nothingButTheConstructorAllocates() {
    PageSet set = new PageSet(100_000);
    PageSet other = new PageSet(100_000);
    MemorySegment bitmap = Arena.ofAuto().allocate(2048, 8).fill((byte) 3);
    long sum = 0;
    for (int round = 0; round < 20_000; round++) {
      sum += useEverything(set, other, bitmap);
    }
    long before = Allocation.of(Thread.currentThread());
    for (int round = 0; round < 1000; round++) {
      sum += useEverything(set, other, bitmap);
    }
    assertThat(Allocation.of(Thread.currentThread()) - before).isLessThan(1000);
    assertThat(sum).isPositive();
  }

  private static long useEverything(PageSet set, PageSet other, MemorySegment bitmap) {
    set.addBitmap(64 * 100, bitmap, 16_000);
    other.addRange(7000, 500);
    set.removeAll(other);
    other.copyFrom(set);
    other.clear();
    return set.count() + set.next(5000) + (set.intersects(other) ? 1 : 0);
  }
}
