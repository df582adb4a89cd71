package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.boot.FlatBoot;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Copies of the memory of guests that write all the time. */
@KvmTest
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CopyBehindGuestTest {
  private static final long MEMORY_BYTES = 12L << 20;
  private static final int PAGES = (int) (MEMORY_BYTES / 4096);
  private static final int FIRST_WORKSPACE_PAGE = (int) (FlatBoot.WORKSPACE_GPA / 4096);

  /** Fewer than the guest's pages; those that the copier has claimed at once are no candidates. */
  private static final int SIDE_PAGES = 1024;

  /** What memory the guest has. */
  enum Kind {
    HUGE_PAGES,
    SMALL_PAGES,
    MEMFD,
    PAGED
  }

  /** A guest that writes to all of its workspace, for ever. */
  private static final class Writer implements AutoCloseable {
    final GuestMemory memory;
    final Pager pager;
    final FlatRig rig;
    final CopyBehind copier;

    Writer(Kind kind, int vcpuCount) {
      MemoryBacking backing = kind == Kind.MEMFD ? MemoryBacking.MEMFD : MemoryBacking.ANONYMOUS;
      memory = GuestMemory.allocate(MEMORY_BYTES, backing, kind == Kind.HUGE_PAGES);
      BootState boot;
      if (kind == Kind.PAGED) {
        PatternSource source =
            PatternSource.random(MEMORY_BYTES, FIRST_WORKSPACE_PAGE, new Random(1));
        try (GuestMemory plain =
            GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true)) {
          boot = FlatRig.load(plain, "page-writer", vcpuCount, 0, 3, 0, 0);
          plain.read(0, source.contents.asSlice(0, FlatBoot.WORKSPACE_GPA));
        }
        pager = Pager.attach(memory, source, PagerOptions.forVcpus(vcpuCount), cause -> {});
      } else {
        pager = null;
        boot = FlatRig.load(memory, "page-writer", vcpuCount, 0, 3, 0, 0);
      }
      copier = CopyBehind.open(memory);
      rig = new FlatRig(memory, boot);
      rig.start();
    }

    @Override
    public void close() {
      rig.close();
      copier.close();
      if (pager != null) {
        pager.close();
      }
      memory.close();
    }
  }

  /** A copy of the memory, and a sink that builds another. */
  private static final class Images implements PageSink {
    final MemorySegment expected = Arena.ofAuto().allocate(MEMORY_BYTES, 4096);
    final MemorySegment found = Arena.ofAuto().allocate(MEMORY_BYTES, 4096);
    final PageSet taken = new PageSet(PAGES);
    volatile long delayNanos;
    private int calls;

    void expect(GuestMemory memory) {
      memory.read(0, expected);
      taken.clear();
    }

    @Override
    public void accept(long firstPage, MemorySegment contents) {
      long byteCount = contents.byteSize();
      long pageCount = byteCount / 4096;
      for (long page = firstPage; page < firstPage + pageCount; page++) {
        assertThat(taken.add(page)).as("page %d for the first time", page).isTrue();
      }
      MemorySegment.copy(contents, 0, found, firstPage * 4096, byteCount);
      if (delayNanos != 0 && ++calls % 16 == 0) {
        LockSupport.parkNanos(delayNanos);
      }
    }

    void verify(PageSet pages) {
      assertThat(taken.count()).isEqualTo(pages.count());
      for (long page = pages.next(0); page >= 0; page = pages.next(page + 1)) {
        assertThat(taken.contains(page)).isTrue();
        assertThat(found.asSlice(page * 4096, 4096).mismatch(expected.asSlice(page * 4096, 4096)))
            .as("first difference of page %d", page)
            .isEqualTo(-1);
      }
    }
  }

  private static PageSet randomPages(Random random) {
    PageSet pages = new PageSet(PAGES);
    switch (random.nextInt(3)) {
      case 0 -> pages.addRange(0, PAGES);
      case 1 -> random.longs(1 + random.nextInt(500), 0, PAGES).forEach(pages::add);
      default -> {
        for (int i = 0; i < 5; i++) {
          int first = random.nextInt(PAGES);
          pages.addRange(first, random.nextInt(PAGES - first + 1));
        }
      }
    }
    return pages;
  }

  @Property(tries = 24)
  void theCopyIsTheMemoryAtThePauseThoughTheGuestWritesOn(
      @ForAll Kind kind,
      @ForAll @IntRange(min = 1, max = 2) int vcpuCount,
      @ForAll long seed,
      @ForAll boolean slowSink)
      throws Exception {
    Random random = new Random(seed);
    Images images = new Images();
    images.delayNanos = slowSink ? 200_000 : 0;
    try (Writer writer = new Writer(kind, vcpuCount)) {
      for (int round = 0; round < 4; round++) {
        Thread.sleep(random.nextInt(10));
        writer.rig.pause();
        PageSet pages = randomPages(random);
        images.expect(writer.memory);
        PageCopy copy = writer.copier.arm(pages, images);
        assertThat(copy.pageCount()).isEqualTo(pages.count());
        writer.rig.resume();
        writeFromJava(writer.memory, random);
        copy.done().get(30, TimeUnit.SECONDS);
        images.verify(pages);
        assertThat(copy.copiedPageCount()).isEqualTo(pages.count());
      }
      assertGoesOn(writer);
    }
  }

  /** Below the guest's image, where nobody else writes. */
  private static void writeFromJava(GuestMemory memory, Random random) {
    for (int i = 0; i < 50; i++) {
      memory.writeLong(0x8_0000 + random.nextInt(0x8_0000 - 8), random.nextLong());
    }
    memory.fill(0x8_0000, 0x4_0000, (byte) random.nextInt());
  }

  private static void assertGoesOn(Writer writer) throws InterruptedException {
    long passes = writer.rig.doorbell.progress();
    Awaiting.until(() -> writer.rig.doorbell.progress() > passes + 2);
    assertThat(writer.rig.exit).isNotDone();
  }

  @Property(tries = 24)
  void aCancelledCopyLeavesNothingProtectedAndNobodyWaiting(@ForAll Kind kind, @ForAll long seed)
      throws Exception {
    Random random = new Random(seed);
    Images images = new Images();
    images.delayNanos = 20_000;
    try (Writer writer = new Writer(kind, 2)) {
      for (int round = 0; round < 4; round++) {
        writer.rig.pause();
        PageSet pages = randomPages(random);
        images.expect(writer.memory);
        PageCopy copy = writer.copier.arm(pages, images);
        writer.rig.resume();
        LockSupport.parkNanos(random.nextInt(3_000_000));
        copy.cancel();
        assertThat(copy.done()).isDone();
        long taken = images.taken.count();
        assertGoesOn(writer);
        assertThat(images.taken.count()).as("pages taken after the end").isEqualTo(taken);
        writer.memory.fill(0x8_0000, 0x4_0000, (byte) round);
      }
    }
  }

  @Test
  void aSinkThatFailsEndsTheCopyWithItsErrorAndTheGuestGoesOn() throws Exception {
    try (Writer writer = new Writer(Kind.SMALL_PAGES, 1)) {
      PageSet all = new PageSet(PAGES);
      all.addRange(0, PAGES);
      for (int failing = 0; failing < 3; failing++) {
        AtomicInteger left = new AtomicInteger(failing);
        writer.rig.pause();
        PageCopy copy =
            writer.copier.arm(
                all,
                (_, _) -> {
                  if (left.getAndDecrement() == 0) {
                    throw new IllegalStateException("no space left");
                  }
                });
        writer.rig.resume();
        assertThatThrownBy(() -> copy.done().get(30, TimeUnit.SECONDS))
            .isInstanceOf(ExecutionException.class)
            .hasMessageContaining("no space left");
        assertGoesOn(writer);
      }
    }
  }

  @Test
  void aSinkThatHangsKeepsNobodyWaitingOnceTheCopyIsCancelled() throws Exception {
    CountDownLatch gate = new CountDownLatch(1);
    CountDownLatch hangs = new CountDownLatch(1);
    try (Writer writer = new Writer(Kind.SMALL_PAGES, 1)) {
      PageSet all = new PageSet(PAGES);
      all.addRange(0, PAGES);
      writer.rig.pause();
      PageCopy copy =
          writer.copier.arm(
              all,
              (_, _) -> {
                hangs.countDown();
                await(gate);
              });
      writer.rig.resume();
      await(hangs);
      Thread canceller = Thread.ofPlatform().start(copy::cancel);
      assertGoesOn(writer);
      assertThat(copy.done()).isNotDone();
      gate.countDown();
      canceller.join();
      assertThatThrownBy(() -> copy.done().get()).hasCauseInstanceOf(CancellationException.class);
    }
  }

  private static void await(CountDownLatch gate) {
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aGuestThatOverwritesMoreThanCanBePutAsideWaitsForTheSink() throws Exception {
    CountDownLatch gate = new CountDownLatch(1);
    Images images = new Images();
    try (Writer writer = new Writer(Kind.SMALL_PAGES, 2)) {
      PageSet all = new PageSet(PAGES);
      all.addRange(0, PAGES);
      assertGoesOn(writer);
      writer.rig.pause();
      images.expect(writer.memory);
      PageCopy copy =
          writer.copier.arm(
              all,
              (first, contents) -> {
                await(gate);
                images.accept(first, contents);
              });
      assertThatThrownBy(() -> writer.copier.arm(all, images))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("still under way");
      writer.rig.resume();
      Awaiting.until(() -> copy.overwrittenPageCount() >= SIDE_PAGES - 64);
      writer.memory.fill(0x8_0000, 0x4_0000, (byte) 9);
      gate.countDown();
      copy.done().get(30, TimeUnit.SECONDS);
      images.verify(all);
    }
  }
}
