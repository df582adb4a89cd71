package dev.torpor.vmm.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * One bit for each page, set and cleared by many threads at once. What a thread did before it set
 * or cleared a bit is seen by a thread that sees the bit so.
 */
final class PageBits {
  private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);

  private final long[] words;
  private final long pageCount;

  PageBits(long pageCount) {
    this.pageCount = pageCount;
    this.words = new long[Math.toIntExact((pageCount + 63) >>> 6)];
  }

  boolean get(long page) {
    return ((long) WORDS.getAcquire(words, (int) (page >>> 6)) & 1L << page) != 0;
  }

  /** Sets a bit; tells whether it was clear. */
  boolean set(long page) {
    long bit = 1L << page;
    return ((long) WORDS.getAndBitwiseOr(words, (int) (page >>> 6), bit) & bit) == 0;
  }

  /** Clears a bit; tells whether it was set. Of several threads, one alone is told so. */
  boolean clear(long page) {
    long bit = 1L << page;
    return ((long) WORDS.getAndBitwiseAnd(words, (int) (page >>> 6), ~bit) & bit) != 0;
  }

  /** Sets a range of bits; tells how many were clear. */
  int set(long first, long count) {
    int changed = 0;
    for (long page = first, end = first + count; page < end; ) {
      int shift = (int) (page & 63);
      int inWord = (int) Math.min(64 - shift, end - page);
      long mask = -1L >>> (64 - inWord) << shift;
      long before = (long) WORDS.getAndBitwiseOr(words, (int) (page >>> 6), mask);
      changed += Long.bitCount(mask & ~before);
      page += inWord;
    }
    return changed;
  }

  /** The first set page in a range, or its end. */
  long nextSet(long from, long end) {
    return next(from, end, 0);
  }

  /** The first clear page in a range, or its end. */
  long nextClear(long from, long end) {
    return next(from, end, -1L);
  }

  private long next(long from, long end, long inversion) {
    long page = from;
    while (page < end) {
      long word = ((long) WORDS.getAcquire(words, (int) (page >>> 6)) ^ inversion) >>> page;
      if (word != 0) {
        return Math.min(end, page + Long.numberOfTrailingZeros(word));
      }
      page = (page | 63) + 1;
    }
    return end;
  }

  /** How many bits there are. */
  long pageCount() {
    return pageCount;
  }
}
