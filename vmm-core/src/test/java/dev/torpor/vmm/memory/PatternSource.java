package dev.torpor.vmm.memory;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/** Pages out of an array in memory, some of which may be bad or slow. */
final class PatternSource implements PageSource {
  static final int PAGE = 4096;

  final MemorySegment contents;
  final Set<Long> bad = ConcurrentHashMap.newKeySet();
  final AtomicLong reads = new AtomicLong();
  volatile int longestRun = PageIn.BUFFER_PAGES;
  volatile int delayMillis;

  /** While not null, reading anything from {@link #gatedFrom} on waits. */
  volatile CountDownLatch gate;

  volatile long gatedFrom;
  volatile boolean waiting;

  PatternSource(MemorySegment contents) {
    this.contents = contents;
  }

  /** Zero pages, pages with one byte, and pages of noise, from a page on. */
  static PatternSource random(long byteSize, long firstPage, RandomGenerator random) {
    PatternSource source = new PatternSource(Arena.ofAuto().allocate(byteSize, PAGE));
    for (long page = firstPage; page < byteSize / PAGE; page++) {
      switch (random.nextInt(4)) {
        case 0 -> {}
        case 1 ->
            source.contents.set(
                ValueLayout.JAVA_BYTE, page * PAGE + random.nextInt(PAGE), (byte) 1);
        default -> source.page(page).copyFrom(noise(random));
      }
    }
    return source;
  }

  private static MemorySegment noise(RandomGenerator random) {
    byte[] bytes = new byte[PAGE];
    random.nextBytes(bytes);
    return MemorySegment.ofArray(bytes);
  }

  MemorySegment page(long page) {
    return contents.asSlice(page * PAGE, PAGE);
  }

  private static final MemorySegment ZERO = MemorySegment.ofArray(new byte[PAGE]);

  @Override
  public long pageCount() {
    return contents.byteSize() / PAGE;
  }

  /** Which pages are zero, found out when the first reader is made. */
  private BitSet zeroes;

  @Override
  public synchronized Reader reader(MemorySegment buffer) {
    if (zeroes == null) {
      zeroes = new BitSet();
      for (long page = 0; page < pageCount(); page++) {
        zeroes.set((int) page, page(page).mismatch(ZERO) < 0);
      }
    }
    return (first, max) -> read(first, max, buffer);
  }

  private int read(long first, int max, MemorySegment buffer) {
    reads.incrementAndGet();
    await(first);
    if (!bad.isEmpty() && bad.contains(first)) {
      throw new UncheckedIOException(new IOException("page " + first + " is bad"));
    }
    boolean zero = zeroes.get((int) first);
    int count = 1;
    while (count < Math.min(max, longestRun)
        && zeroes.get((int) first + count) == zero
        && (bad.isEmpty() || !bad.contains(first + count))) {
      count++;
    }
    if (!zero) {
      MemorySegment.copy(contents, first * PAGE, buffer, 0, (long) count * PAGE);
    }
    return zero ? -count : count;
  }

  private void await(long page) {
    CountDownLatch closed = gate;
    try {
      if (closed != null && page >= gatedFrom) {
        waiting = true;
        closed.await();
      }
      if (delayMillis != 0) {
        Thread.sleep(delayMillis);
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
