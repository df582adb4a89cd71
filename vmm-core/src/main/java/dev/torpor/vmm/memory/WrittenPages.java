package dev.torpor.vmm.memory;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The pages that the VMM itself wrote since they were taken last. Marked by every thread, taken by
 * one at a time.
 *
 * <p>A page is marked after it was written: whoever takes the mark and reads the page then sees the
 * write. The mark goes into the word first and into the summary behind it, and is taken in the
 * other order; so a word that holds a mark is always announced, at the latest by its marker when
 * that returns.
 */
final class WrittenPages {
  private static final VarHandle ELEMENT = MethodHandles.arrayElementVarHandle(long[].class);

  /** Made for the first mark: in most forks the VMM never writes a page. */
  private static final class Marks {
    private final long[] words;
    private final long[] summary;

    Marks(long pageCount) {
      words = new long[(int) Math.ceilDiv(pageCount, Long.SIZE)];
      summary = new long[Math.ceilDiv(words.length, Long.SIZE)];
    }
  }

  private final long pageCount;
  private volatile Marks marks;

  WrittenPages(long pageCount) {
    this.pageCount = pageCount;
  }

  private Marks marks() {
    Marks there = marks;
    return there != null ? there : makeMarks();
  }

  private synchronized Marks makeMarks() {
    if (marks == null) {
      marks = new Marks(pageCount);
    }
    return marks;
  }

  /**
   * Marks pages. The caller has made its writes visible with a full fence: else a mark found in
   * place might be taken before the write is seen.
   */
  void mark(long firstPage, long lastPage) {
    Marks target = marks();
    for (long page = firstPage; page <= lastPage; page++) {
      int word = (int) (page / Long.SIZE);
      set(target.words, word, 1L << page);
      set(target.summary, word / Long.SIZE, 1L << word);
    }
  }

  private static void set(long[] array, int index, long bit) {
    if (((long) ELEMENT.getVolatile(array, index) & bit) == 0) {
      ELEMENT.getAndBitwiseOr(array, index, bit);
    }
  }

  /** Moves the marks into a set. */
  void takeInto(PageSet target) {
    Marks source = marks;
    if (source == null) {
      return;
    }
    long[] summary = source.summary;
    for (int s = 0; s < summary.length; s++) {
      if ((long) ELEMENT.getVolatile(summary, s) == 0) {
        continue;
      }
      for (long left = (long) ELEMENT.getAndSet(summary, s, 0L); left != 0; left &= left - 1) {
        int word = s * Long.SIZE + Long.numberOfTrailingZeros(left);
        target.orWord(word, (long) ELEMENT.getAndSet(source.words, word, 0L));
      }
    }
  }
}
