package dev.torpor.vmm.memory;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * A set of pages of guest memory, by their index: the page's offset in the backing memory divided
 * by its size, so that the regions on both sides of the hole form one row.
 *
 * <pre>
 *   summary   a bit for each word that may not be zero
 *   words     a bit for each page
 * </pre>
 *
 * <p>What an operation costs follows the members and not the memory's size: 8 GiB have 2 million
 * pages in 32,768 words, and 512 words of summary. Nothing but the constructor allocates. For one
 * thread at a time.
 */
public final class PageSet {
  /** How many words are fetched from foreign memory at a time. */
  private static final int CHUNK_WORDS = 512;

  private final long pageCount;
  private final long[] words;

  /** Bit i is set if word i is not zero; it may be set where the word has become zero since. */
  private final long[] summary;

  private final long[] chunk = new long[CHUNK_WORDS];

  /**
   * An empty set.
   *
   * @param pageCount how many pages there are, as {@link GuestMemory#pageCount()} tells; up to 2^31
   */
  public PageSet(long pageCount) {
    if (pageCount < 0 || pageCount > 1L << 31) {
      throw new IllegalArgumentException("a set of " + pageCount + " pages: from 0 to 2^31");
    }
    this.pageCount = pageCount;
    words = new long[(int) Math.ceilDiv(pageCount, Long.SIZE)];
    summary = new long[Math.ceilDiv(words.length, Long.SIZE)];
  }

  /**
   * How many pages there are, members or not.
   *
   * @return the number that the set was made with
   */
  public long pageCount() {
    return pageCount;
  }

  /**
   * Adds a page.
   *
   * @param page its index
   * @return whether it was no member before
   * @throws IndexOutOfBoundsException if there is no such page
   */
  public boolean add(long page) {
    int index = wordOf(page);
    long before = words[index];
    orWord(index, 1L << page);
    return words[index] != before;
  }

  /**
   * Adds consecutive pages.
   *
   * @param firstPage the index of the first
   * @param count how many, from 0
   * @throws IndexOutOfBoundsException if one of them does not exist
   */
  public void addRange(long firstPage, long count) {
    Objects.checkFromIndexSize(firstPage, count, pageCount);
    long page = firstPage;
    long end = firstPage + count;
    while (page < end) {
      long inWord = Math.min(end - page, Long.SIZE - page % Long.SIZE);
      orWord((int) (page / Long.SIZE), -1L >>> (Long.SIZE - inWord) << page);
      page += inWord;
    }
  }

  /**
   * Adds the pages of a bitmap, such as KVM's dirty log.
   *
   * @param firstPage the page of the bitmap's first bit, a multiple of 64
   * @param bitmap 64-bit words, the first page in bit 0; bits behind {@code count} do not matter
   * @param count how many pages the bitmap tells of
   * @return whether the bitmap has any member
   * @throws IndexOutOfBoundsException if the pages or the words do not exist
   */
  public boolean addBitmap(long firstPage, MemorySegment bitmap, long count) {
    Objects.checkFromIndexSize(firstPage, count, pageCount);
    if (firstPage % Long.SIZE != 0) {
      throw new IllegalArgumentException("page " + firstPage + " is not a multiple of 64");
    }
    int wordCount = (int) Math.ceilDiv(count, Long.SIZE);
    int base = (int) (firstPage / Long.SIZE);
    boolean any = false;
    for (int done = 0; done < wordCount; done += CHUNK_WORDS) {
      int part = Math.min(CHUNK_WORDS, wordCount - done);
      MemorySegment.copy(bitmap, JAVA_LONG, (long) done * Long.BYTES, chunk, 0, part);
      if (done + part == wordCount && count % Long.SIZE != 0) {
        chunk[part - 1] &= -1L >>> -count;
      }
      any |= addChunk(base + done, part);
    }
    return any;
  }

  private boolean addChunk(int base, int part) {
    boolean any = false;
    for (int i = 0; i < part; i++) {
      if (chunk[i] != 0) {
        orWord(base + i, chunk[i]);
        any = true;
      }
    }
    return any;
  }

  /** Adds up to 64 pages of one word. */
  void orWord(int index, long bits) {
    words[index] |= bits;
    summary[index / Long.SIZE] |= 1L << index;
  }

  /**
   * Removes a page.
   *
   * @param page its index
   * @return whether it was a member
   * @throws IndexOutOfBoundsException if there is no such page
   */
  public boolean remove(long page) {
    int index = wordOf(page);
    long before = words[index];
    words[index] = before & ~(1L << page);
    return words[index] != before;
  }

  /**
   * Whether a page is a member.
   *
   * @param page its index
   * @return whether it is
   * @throws IndexOutOfBoundsException if there is no such page
   */
  public boolean contains(long page) {
    return (words[wordOf(page)] >>> page & 1) != 0;
  }

  /**
   * Adds all members of another set.
   *
   * @param other a set over as many pages
   */
  public void addAll(PageSet other) {
    requireSameSize(other);
    for (int s = 0; s < summary.length; s++) {
      for (long left = other.summary[s]; left != 0; left &= left - 1) {
        int index = s * Long.SIZE + Long.numberOfTrailingZeros(left);
        words[index] |= other.words[index];
      }
      summary[s] |= other.summary[s];
    }
  }

  /**
   * Removes all members of another set.
   *
   * @param other a set over as many pages
   */
  public void removeAll(PageSet other) {
    requireSameSize(other);
    for (int s = 0; s < summary.length; s++) {
      for (long left = summary[s] & other.summary[s]; left != 0; left &= left - 1) {
        int index = s * Long.SIZE + Long.numberOfTrailingZeros(left);
        words[index] &= ~other.words[index];
        if (words[index] == 0) {
          summary[s] &= ~(1L << index);
        }
      }
    }
  }

  /** Removes every member. */
  public void clear() {
    for (int s = 0; s < summary.length; s++) {
      long left = summary[s];
      if (left == -1) {
        int from = s * Long.SIZE;
        Arrays.fill(words, from, Math.min(from + Long.SIZE, words.length), 0);
      } else {
        for (; left != 0; left &= left - 1) {
          words[s * Long.SIZE + Long.numberOfTrailingZeros(left)] = 0;
        }
      }
      summary[s] = 0;
    }
  }

  /**
   * Makes this set equal to another.
   *
   * @param other a set over as many pages
   */
  public void copyFrom(PageSet other) {
    if (other != this) {
      clear();
      addAll(other);
    }
  }

  /**
   * How many members there are.
   *
   * @return their number
   */
  public long count() {
    long count = 0;
    for (int s = 0; s < summary.length; s++) {
      for (long left = summary[s]; left != 0; left &= left - 1) {
        count += Long.bitCount(words[s * Long.SIZE + Long.numberOfTrailingZeros(left)]);
      }
    }
    return count;
  }

  /**
   * Whether there is no member.
   *
   * @return whether the set is empty
   */
  public boolean isEmpty() {
    return next(0) < 0;
  }

  /**
   * Whether a page is a member of both sets.
   *
   * @param other a set over as many pages
   * @return whether there is one
   */
  public boolean intersects(PageSet other) {
    requireSameSize(other);
    for (int s = 0; s < summary.length; s++) {
      for (long left = summary[s] & other.summary[s]; left != 0; left &= left - 1) {
        int index = s * Long.SIZE + Long.numberOfTrailingZeros(left);
        if ((words[index] & other.words[index]) != 0) {
          return true;
        }
      }
    }
    return false;
  }

  /**
   * Finds the next member.
   *
   * @param from where to begin, from 0; may lie behind the last page
   * @return the first member from there on; -1 if there is none
   */
  public long next(long from) {
    Objects.checkIndex(from, Long.MAX_VALUE);
    if (from >= pageCount) {
      return -1;
    }
    int index = (int) (from / Long.SIZE);
    long word = words[index] & -1L << from;
    while (word == 0) {
      index = nextWord(index + 1);
      if (index < 0) {
        return -1;
      }
      word = words[index];
    }
    return (long) index * Long.SIZE + Long.numberOfTrailingZeros(word);
  }

  /** The first word from there on that may not be zero; -1 if there is none. */
  private int nextWord(int from) {
    int s = from / Long.SIZE;
    if (s == summary.length) {
      return -1;
    }
    long left = summary[s] & -1L << from;
    while (left == 0) {
      if (++s == summary.length) {
        return -1;
      }
      left = summary[s];
    }
    return s * Long.SIZE + Long.numberOfTrailingZeros(left);
  }

  /**
   * Finds where a run of members ends.
   *
   * @param from where to begin, from 0
   * @return the first page from there on that is no member; {@link #pageCount()} if all are
   */
  public long nextAbsent(long from) {
    Objects.checkIndex(from, Long.MAX_VALUE);
    if (from >= pageCount) {
      return pageCount;
    }
    int index = (int) (from / Long.SIZE);
    long absent = ~words[index] & -1L << from;
    while (absent == 0) {
      if (++index == words.length) {
        return pageCount;
      }
      absent = ~words[index];
    }
    return Math.min(pageCount, (long) index * Long.SIZE + Long.numberOfTrailingZeros(absent));
  }

  private int wordOf(long page) {
    return (int) (Objects.checkIndex(page, pageCount) / Long.SIZE);
  }

  private void requireSameSize(PageSet other) {
    if (other.pageCount != pageCount) {
      throw new IllegalArgumentException(
          "a set of %d pages and one of %d: they must be of one memory"
              .formatted(pageCount, other.pageCount));
    }
  }

  @Override
  public String toString() {
    return count() + " of " + pageCount + " pages";
  }
}
