package dev.torpor.benchmarks.peer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A writer's words say how far it has come. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WriterProgressTest {
  private static final long MEMORY = 64L << 20;

  /** The words of a writer that has written to so many pages, written one by one. */
  private static Map<Long, Long> wordsAfter(PeerGuest guest, long written) {
    Map<Long, Long> words = new HashMap<>();
    for (long i = 0; i < written; i++) {
      words.put(
          guest.gpa(i % guest.pages()), ((i / guest.pages() + 1) << 32) | (i % guest.pages()));
    }
    return words;
  }

  private static WriterProgress progressOf(PeerGuest guest, Map<Long, Long> words) {
    return new WriterProgress(guest, gpa -> words.getOrDefault(gpa, 0L));
  }

  @Property
  void positionGrowsByOneWithEachPage(
      @ForAll @IntRange(min = 2, max = 60) int pages,
      @ForAll @LongRange(min = 1, max = 300) long written) {
    PeerGuest guest = new PeerGuest(MEMORY, pages);
    WriterProgress progress = progressOf(guest, wordsAfter(guest, written));
    assertThat(progress.position()).isEqualTo(pages + written - 1);
  }

  @Property
  void aPositionIsLeftWithTheNextPageAndNotBefore(
      @ForAll @IntRange(min = 2, max = 60) int pages,
      @ForAll @LongRange(min = 1, max = 300) long written,
      @ForAll @LongRange(min = 0, max = 50) long more) {
    PeerGuest guest = new PeerGuest(MEMORY, pages);
    long position = progressOf(guest, wordsAfter(guest, written)).position();
    WriterProgress later = progressOf(guest, wordsAfter(guest, written + more));
    assertThat(later.hasLeft(position)).isEqualTo(more > 0);
  }

  /** A writer that another thread lets go on, by one number. */
  private static WriterProgress progressOf(PeerGuest guest, AtomicLong written) {
    return new WriterProgress(
        guest,
        gpa -> {
          long page = 0;
          while (guest.gpa(page) != gpa) {
            page++;
          }
          return Math.ceilDiv(written.get() - page, guest.pages()) << 32;
        });
  }

  @Test
  void standStillGrowsWhileNothingIsWritten() {
    PeerGuest guest = new PeerGuest(MEMORY, 8);
    long start = System.nanoTime();
    StandStill watched = new StandStill(progressOf(guest, new AtomicLong(1)));
    while (watched.soFarNanos() < TimeUnit.MILLISECONDS.toNanos(20)) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(1));
    }
    assertThat(watched.endNanos()).isLessThanOrEqualTo(System.nanoTime() - start);
  }

  @Test
  void standStillIsNeverLongerThanFromOnePageToTheNext() {
    PeerGuest guest = new PeerGuest(MEMORY, 8);
    AtomicLong written = new AtomicLong(1);
    long longestApart = 0;
    long beforeLast = System.nanoTime();
    StandStill watched = new StandStill(progressOf(guest, written));
    for (int i = 0; i < 40; i++) {
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
      long before = System.nanoTime();
      written.incrementAndGet();
      longestApart = Math.max(longestApart, System.nanoTime() - beforeLast);
      beforeLast = before;
    }
    long longest = watched.endNanos();
    longestApart = Math.max(longestApart, System.nanoTime() - beforeLast);
    assertThat(longest).isLessThanOrEqualTo(longestApart);
  }

  @Test
  void whatStopsTheWatchIsToldToWhoeverEndsIt() {
    PeerGuest guest = new PeerGuest(MEMORY, 8);
    StandStill watched =
        new StandStill(
            new WriterProgress(
                guest,
                _ -> {
                  throw new IllegalStateException("gone");
                }));
    assertThatThrownBy(watched::endNanos).hasMessage("gone");
  }
}
