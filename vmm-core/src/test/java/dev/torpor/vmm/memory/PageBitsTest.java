package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.BitSet;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** The small structures behind the pager and the copier, compared with naive ones. */
class PageBitsTest {
  @Property
  void bitsAreThoseOfANaiveSet(@ForAll @IntRange(min = 1, max = 300) int pages, @ForAll long seed) {
    PageBits bits = new PageBits(pages);
    BitSet naive = new BitSet();
    Random random = new Random(seed);
    for (int step = 0; step < 200; step++) {
      int first = random.nextInt(pages);
      int count = 1 + random.nextInt(pages - first);
      switch (random.nextInt(4)) {
        case 0 -> {
          assertThat(bits.set(first)).isEqualTo(!naive.get(first));
          naive.set(first);
        }
        case 1 -> {
          assertThat(bits.clear(first)).isEqualTo(naive.get(first));
          naive.clear(first);
        }
        case 2 -> {
          int before = naive.cardinality();
          naive.set(first, first + count);
          assertThat(bits.set(first, count)).isEqualTo(naive.cardinality() - before);
        }
        default -> {
          int end = first + count;
          int set = naive.nextSetBit(first);
          assertThat(bits.nextSet(first, end)).isEqualTo(set < 0 ? end : Math.min(set, end));
          assertThat(bits.nextClear(first, end))
              .isEqualTo(Math.min(naive.nextClearBit(first), end));
        }
      }
      assertThat(bits.get(first)).isEqualTo(naive.get(first));
    }
  }

  @Test
  void ofManyThreadsOneAloneClaimsAPage() throws Exception {
    PageBits bits = new PageBits(100_000);
    bits.set(0, 100_000);
    AtomicInteger claimed = new AtomicInteger();
    Runnable claim =
        () -> {
          for (long page = 0; page < 100_000; page++) {
            if (bits.clear(page)) {
              claimed.incrementAndGet();
            }
          }
        };
    Thread other = Thread.ofPlatform().start(claim);
    claim.run();
    other.join();
    assertThat(claimed).hasValue(100_000);
  }

  @Test
  void aStackLosesNothingAndGivesNothingTwice() throws Exception {
    int capacity = 8;
    IndexStack stack = new IndexStack(capacity);
    for (int i = 0; i < capacity; i++) {
      stack.push(i);
    }
    AtomicInteger[] holders = new AtomicInteger[capacity];
    for (int i = 0; i < capacity; i++) {
      holders[i] = new AtomicInteger();
    }
    AtomicInteger wrong = new AtomicInteger();
    Runnable work =
        () -> {
          for (int i = 0; i < 200_000; i++) {
            int first = stack.pop();
            int second = stack.pop();
            for (int index : new int[] {first, second}) {
              if (index >= 0) {
                wrong.addAndGet(holders[index].incrementAndGet() == 1 ? 0 : 1);
                holders[index].decrementAndGet();
                stack.push(index);
              }
            }
          }
        };
    Thread other = Thread.ofPlatform().start(work);
    work.run();
    other.join();
    assertThat(wrong).hasValue(0);
    BitSet left = new BitSet();
    for (int index = stack.pop(); index >= 0; index = stack.pop()) {
      left.set(index);
    }
    assertThat(left.cardinality()).isEqualTo(capacity);
  }

  @Test
  void theWorkingSetHasWhatAGuestPassedOver() {
    FaultRecord record = new FaultRecord(1000, 16, Duration.ofMinutes(1));
    for (long page : new long[] {3, 16, 32, 37, 200, 230, 500}) {
      record.add(page);
    }
    assertThat(record.faulted().count()).isEqualTo(7);
    PageSet expected = new PageSet(1000);
    expected.addRange(3, 35);
    expected.add(200);
    expected.add(230);
    expected.add(500);
    assertThat(bits(record.inferred())).isEqualTo(bits(expected));
  }

  private static BitSet bits(PageSet pages) {
    BitSet bits = new BitSet();
    for (long page = pages.next(0); page >= 0; page = pages.next(page + 1)) {
      bits.set((int) page);
    }
    return bits;
  }
}
