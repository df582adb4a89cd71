package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import dev.torpor.linux.UserFaultFd;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a pager promises to system calls and to Java code. */
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PagerTest {
  private static final long MEMORY_BYTES = 8L << 20;
  private static final long PAGES = MEMORY_BYTES / 4096;
  private static final PagerOptions SINGLE = PagerOptions.forVcpus(2).withClusterPages(1);

  @AutoClose private final SystemCalls calls = new SystemCalls();

  @AutoClose
  private final GuestMemory memory =
      GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true);

  private final PatternSource source = PatternSource.random(MEMORY_BYTES, 0, new Random(11));
  private final List<Throwable> failures = new CopyOnWriteArrayList<>();

  private Pager attach(PagerOptions options) {
    return Pager.attach(memory, source, options, failures::add);
  }

  private byte[] expected(long page) {
    return source.page(page).toArray(ValueLayout.JAVA_BYTE);
  }

  @Test
  void javaReadsBringInWhatTheyNeedThemselves() {
    try (Pager pager = attach(SINGLE)) {
      byte[] found = new byte[3 * 4096];
      memory.read(10 * 4096 + 100, MemorySegment.ofArray(found));
      assertThat(MemorySegment.ofArray(found))
          .satisfies(
              bytes ->
                  assertThat(bytes.mismatch(source.contents.asSlice(10 * 4096 + 100, found.length)))
                      .isEqualTo(-1));
      assertThat(pager.presentPageCount()).isEqualTo(4);
      assertThat(pager.recordedFaults().contains(10)).isTrue();
    }
  }

  @Test
  void javaWritesKeepTheRestOfTheirPage() {
    try (Pager _ = attach(SINGLE)) {
      memory.writeByte(20 * 4096 + 5, (byte) 99);
      byte[] expected = expected(20);
      expected[5] = 99;
      assertThat(calls.read(memory.hvaOfPage(20), 4096)).isEqualTo(expected);
    }
  }

  @Test
  void aMissBringsInTheAlignedClusterAroundIt() throws Exception {
    source.longestRun = 3;
    try (Pager pager = attach(PagerOptions.forVcpus(1).withClusterPages(8))) {
      assertThat(calls.read(memory.hvaOfPage(13), 4096)).isEqualTo(expected(13));
      Awaiting.until(() -> pager.presentPageCount() == 8);
      PageSet faults = pager.recordedFaults();
      assertThat(faults.count()).isEqualTo(1);
      assertThat(faults.contains(13)).isTrue();
      long reads = source.reads.get();
      for (long page = 8; page < 16; page++) {
        assertThat(calls.read(memory.hvaOfPage(page), 4096)).isEqualTo(expected(page));
      }
      assertThat(source.reads.get()).isEqualTo(reads);
    }
  }

  /** What one finds missing another has brought in before it looks again. */
  @Test
  void manyThatBringInTheSamePagesAtOnceDoNotStopTheVm() throws Exception {
    source.longestRun = 1;
    for (int i = 0; i < 20; i++) {
      try (GuestMemory shared = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, false);
          Pager pager = Pager.attach(shared, source, SINGLE, failures::add)) {
        List<CompletableFuture<Void>> fills =
            IntStream.range(0, 4).mapToObj(_ -> pager.fill()).toList();
        for (CompletableFuture<Void> fill : fills) {
          fill.get(30, TimeUnit.SECONDS);
        }
        assertThat(pager.presentPageCount()).isEqualTo(PAGES);
      }
    }
    assertThat(failures).isEmpty();
  }

  @Test
  void aBadNeighbourIsNoFailureUntilItIsMissed() throws Exception {
    source.bad.add(9L);
    try (Pager pager = attach(PagerOptions.forVcpus(1).withClusterPages(8))) {
      assertThat(calls.read(memory.hvaOfPage(8), 4096)).isEqualTo(expected(8));
      assertThat(calls.read(memory.hvaOfPage(30), 4096)).isEqualTo(expected(30));
      assertThat(pager.failure()).isEmpty();
      assertRefused(9);
      assertThat(failures)
          .singleElement()
          .satisfies(f -> assertThat(f).hasMessageContaining("bad"));
    }
  }

  private void assertRefused(long page) {
    assertThatThrownBy(() -> calls.read(memory.hvaOfPage(page), 4096))
        .isInstanceOfSatisfying(
            LinuxException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EFAULT));
  }

  @Test
  void afterAFailureNothingIsSuppliedAnyMore() {
    source.bad.add(5L);
    try (Pager pager = attach(SINGLE)) {
      memory.readLong(0);
      assertThatThrownBy(() -> memory.readLong(5 * 4096))
          .isInstanceOf(PageInException.class)
          .hasMessageContaining("page 5")
          .hasCauseInstanceOf(UncheckedIOException.class);
      assertThat(pager.failure()).isPresent();
      assertThatThrownBy(() -> memory.readLong(0)).isInstanceOf(PageInException.class);
      assertThatThrownBy(() -> memory.writeLong(7 * 4096, 1)).isInstanceOf(PageInException.class);
      assertRefused(8);
      assertThat(failures).hasSize(1);
    }
  }

  @Test
  void aPrefetchedWorkingSetIsMissedNoMore() throws Exception {
    PageSet wanted = new PageSet(PAGES);
    new Random(1).longs(300, 0, PAGES).forEach(wanted::add);
    wanted.addRange(1000, 200);
    try (Pager pager = attach(SINGLE)) {
      pager.prefetch(wanted).get(30, TimeUnit.SECONDS);
      assertThat(pager.presentPageCount()).isEqualTo(wanted.count());
      for (long page = wanted.next(0); page >= 0; page = wanted.next(page + 1)) {
        assertThat(calls.read(memory.hvaOfPage(page), 4096)).isEqualTo(expected(page));
      }
      assertThat(pager.recordedFaults().isEmpty()).isTrue();
    }
  }

  @Test
  void aFilledMemoryOutlivesItsPager() throws Exception {
    try (Pager pager = attach(SINGLE)) {
      pager.fill().get(30, TimeUnit.SECONDS);
      assertThat(pager.isComplete()).isTrue();
    }
    assertThat(calls.read(memory.hvaOfPage(77), 4096)).isEqualTo(expected(77));
    memory.writeLong(0, 1);
    assertThat(memory.readLong(0)).isEqualTo(1);
  }

  @Test
  void aMemoryWithMissingPagesIsInaccessibleOnceItsPagerIsClosed() {
    try (Pager _ = attach(SINGLE)) {
      memory.readLong(0);
    }
    assertRefused(0);
    assertRefused(1);
    assertThatThrownBy(() -> memory.readLong(0))
        .isInstanceOf(PageInException.class)
        .hasMessageContaining("the pager is closed");
  }

  @Test
  void closingEndsAFillThatIsUnderWay() throws Exception {
    source.delayMillis = 1;
    source.longestRun = 1;
    CompletableFuture<Void> filled;
    try (Pager pager = attach(SINGLE)) {
      filled = pager.fill();
      Awaiting.until(() -> pager.presentPageCount() > 3);
    }
    assertThat(filled).isCancelled();
  }

  @Test
  void aFillThatMeetsABadPageFailsAndTellsIt() {
    source.bad.add(1500L);
    try (Pager pager = attach(SINGLE)) {
      assertThatThrownBy(() -> pager.fill().get(30, TimeUnit.SECONDS))
          .isInstanceOf(ExecutionException.class)
          .hasMessageContaining("page 1500 is bad");
      assertThat(failures).hasSize(1);
    }
  }

  @Test
  void pagesThatWereDroppedSinceAreZero() {
    try (Pager pager = attach(SINGLE)) {
      long page = 40;
      memory.fill(page * 4096, 4096, (byte) 3);
      memory.mapping().advise(page * 4096, 4096, Mapping.Advice.DONT_NEED);
      assertThat(calls.read(memory.hvaOfPage(page), 4096)).containsOnly(0);
      assertThat(pager.failure()).isEmpty();
    }
  }

  @Test
  void faultsWaitWhileTheMappingIsChanging() throws Exception {
    CountDownLatch ended = new CountDownLatch(1);
    try (Pager pager =
        Pager.attach(memory, source, SINGLE, failures::add, UserFaultFd.FEATURE_EVENT_REMOVE)) {
      Thread dropper =
          Thread.ofPlatform()
              .start(
                  () -> {
                    while (ended.getCount() > 0) {
                      memory.mapping().advise(0, 64 * 4096, Mapping.Advice.DONT_NEED);
                    }
                  });
      for (long page = 64; page < 264; page += 2) {
        assertThat(calls.read(memory.hvaOfPage(page), 4096)).isEqualTo(expected(page));
        memory.readLong((page + 1) * 4096);
      }
      ended.countDown();
      dropper.join();
      assertThat(pager.failure()).isEmpty();
      assertThat(pager.presentPageCount()).isEqualTo(200);
    }
  }

  @Test
  void aSourceThatGivesTooMuchIsAFailure() {
    PageSource wrong =
        new PageSource() {
          @Override
          public long pageCount() {
            return PAGES;
          }

          @Override
          public Reader reader(MemorySegment buffer) {
            return (first, max) -> max + 1;
          }
        };
    try (Pager pager = Pager.attach(memory, wrong, SINGLE, failures::add)) {
      assertThatThrownBy(() -> memory.readLong(0)).isInstanceOf(PageInException.class);
      assertThat(pager.failure()).isPresent();
    }
  }

  @Test
  void whatCannotBePagedIsRefused() {
    Consumer<Throwable> ignored = cause -> {};
    try (GuestMemory shared = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.MEMFD, false);
        GuestMemory longer =
            GuestMemory.allocate(2 * MEMORY_BYTES, MemoryBacking.ANONYMOUS, false);
        Pager _ = attach(SINGLE)) {
      assertThatThrownBy(() -> Pager.attach(shared, source, SINGLE, ignored))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("MEMFD");
      assertThatThrownBy(() -> Pager.attach(longer, source, SINGLE, ignored))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("2048 pages for a memory of 4096");
      assertThatThrownBy(() -> Pager.attach(memory, source, SINGLE, ignored))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  @Test
  void copyingBehindIsRefusedWhereWritesCannotBeCaught() {
    try (GuestMemory shared = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.MEMFD, false);
        GuestMemory taken = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, false);
        UserFaultFd other = UserFaultFd.open(UserFaultFd.FEATURE_PAGEFAULT_FLAG_WP);
        GuestMemory mapped = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, false)) {
      assertThat(CopyBehind.supports(shared)).isTrue();
      assertThat(CopyBehind.supports(memory)).isTrue();
      other.register(taken.address(), taken.byteSize(), UserFaultFd.MODE_WP);
      assertThat(CopyBehind.supports(taken)).isFalse();
      assertThatThrownBy(() -> CopyBehind.open(taken)).isInstanceOf(IllegalStateException.class);
      mapFile(mapped);
      assertThat(CopyBehind.supports(mapped)).isFalse();
      try (CopyBehind _ = CopyBehind.open(memory)) {
        assertThat(CopyBehind.supports(memory)).isFalse();
      }
      assertThat(CopyBehind.supports(memory)).isTrue();
    }
  }

  /** As a restored VM's memory is: a piece of it is private and of a file on disk. */
  private static void mapFile(GuestMemory memory) {
    try (var file =
        dev.torpor.linux.LinuxFile.open(
            java.nio.file.Path.of(System.getProperty("java.home"), "lib", "modules"),
            dev.torpor.linux.LinuxFile.O_RDONLY)) {
      memory.mapping().replace(4096, 4096, file.descriptor(), 0, Mapping.MAP_PRIVATE);
    }
  }
}
