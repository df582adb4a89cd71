package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.testing.Allocation;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.BootState;
import dev.torpor.vmm.boot.FlatBoot;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Flat guests on memory that is brought in while they run. */
@KvmTest
@Timeout(value = 60, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class PagedGuestTest {
  private static final long MEMORY_BYTES = 8L << 20;
  private static final long PAGES = MEMORY_BYTES / 4096;
  private static final long FIRST_WORKSPACE_PAGE = FlatBoot.WORKSPACE_GPA / 4096;
  private static final long SEED = 77;

  private static GuestMemory anonymous() {
    return GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true);
  }

  /** A page-writer of one pass over noise: its image, and its vCPUs' registers. */
  private record Saved(PatternSource source, BootState boot) {}

  private static Saved pageWriter(int vcpuCount, Random random) {
    PatternSource source = PatternSource.random(MEMORY_BYTES, FIRST_WORKSPACE_PAGE, random);
    try (GuestMemory plain = anonymous()) {
      BootState boot = FlatRig.load(plain, "page-writer", vcpuCount, 0, SEED, 0, 1);
      plain.read(0, source.contents.asSlice(0, FlatBoot.WORKSPACE_GPA));
      return new Saved(source, boot);
    }
  }

  /** What one pass makes of the image. */
  private static byte[] expectedPage(PatternSource source, long page) {
    byte[] expected = source.page(page).toArray(ValueLayout.JAVA_BYTE);
    if (page >= FIRST_WORKSPACE_PAGE) {
      long word = SEED ^ (1L << 40) ^ (page * 4096);
      for (int i = 0; i < Long.BYTES; i++) {
        expected[i] = (byte) (word >>> (8 * i));
      }
    }
    return expected;
  }

  @Property(tries = 30)
  void aPagedGuestSeesEveryByteOfItsImage(
      @ForAll long seed,
      @ForAll @IntRange(min = 1, max = 2) int vcpuCount,
      @ForAll @IntRange(min = 0, max = 6) int clusterShift,
      @ForAll @IntRange(min = 1, max = 64) int longestRun,
      @ForAll boolean prefetch,
      @ForAll boolean fill)
      throws Exception {
    Random random = new Random(seed);
    Saved saved = pageWriter(vcpuCount, random);
    saved.source().longestRun = longestRun;
    PagerOptions options = PagerOptions.forVcpus(vcpuCount).withClusterPages(1 << clusterShift);
    CompletableFuture<Throwable> failure = new CompletableFuture<>();
    try (GuestMemory memory = anonymous();
        Pager pager = Pager.attach(memory, saved.source(), options, failure::complete);
        FlatRig rig = new FlatRig(memory, saved.boot())) {
      PageSet some = new PageSet(PAGES);
      random.longs(300, 0, PAGES).forEach(some::add);
      CompletableFuture<Void> prefetched = prefetch ? pager.prefetch(some) : null;
      CompletableFuture<Void> filled = fill ? pager.fill() : null;
      VmExit exit = rig.run();
      assertThat(exit)
          .as(() -> "the pager's failure: " + failure.getNow(null))
          .isEqualTo(new VmExit.GuestExited(0, 0));
      rig.stop();
      if (prefetched != null) {
        prefetched.get(30, TimeUnit.SECONDS);
      }
      if (filled != null) {
        filled.get(30, TimeUnit.SECONDS);
        assertThat(pager.isComplete()).isTrue();
        assertThat(pager.presentPageCount()).isEqualTo(PAGES);
      }
      assertSame(memory, saved.source());
      assertThat(failure).isNotDone();
    }
  }

  private static void assertSame(GuestMemory memory, PatternSource source) {
    byte[] found = new byte[4096];
    for (long page = 0; page < PAGES; page++) {
      if (page * 4096 >= FlatBoot.IMAGE_GPA && page * 4096 < FlatBoot.WORKSPACE_GPA) {
        continue; // the guest's stack and data
      }
      memory.read(page * 4096, java.lang.foreign.MemorySegment.ofArray(found));
      if (!Arrays.equals(found, expectedPage(source, page))) {
        if (page < FlatBoot.IMAGE_GPA / 4096) {
          continue; // page tables, in which a processor may set bits
        }
        assertThat(found).as("page %d", page).isEqualTo(expectedPage(source, page));
      }
    }
  }

  @Property(tries = 30)
  void aBadPageEndsTheVmWithItsErrorAndNobodySeesAWrongOne(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 2) int vcpuCount, @ForAll boolean fill)
      throws Exception {
    Random random = new Random(seed);
    Saved saved = pageWriter(vcpuCount, random);
    random
        .longs(1 + random.nextInt(3), FIRST_WORKSPACE_PAGE, PAGES)
        .forEach(saved.source().bad::add);
    CompletableFuture<FlatRig> rigs = new CompletableFuture<>();
    try (GuestMemory memory = anonymous();
        Pager pager =
            Pager.attach(
                memory,
                saved.source(),
                PagerOptions.forVcpus(vcpuCount),
                cause -> rigs.join().end(new VmExit.Failed(cause)));
        FlatRig rig = new FlatRig(memory, saved.boot());
        SystemCalls calls = new SystemCalls()) {
      rigs.complete(rig);
      CompletableFuture<Void> filled = fill ? pager.fill() : new CompletableFuture<>();
      VmExit exit = rig.run();
      assertThat(exit.describe()).contains("is bad");
      rig.stop();
      assertNothingWrong(memory, saved.source(), calls);
      if (fill) {
        assertThatThrownBy(() -> filled.get(30, TimeUnit.SECONDS)).hasMessageContaining("is bad");
      }
      assertThat(pager.failure())
          .hasValueSatisfying(cause -> assertThat(cause).hasMessageContaining("is bad"));
    }
  }

  /** A page is refused, or holds what its image says, with or without the guest's word. */
  private static void assertNothingWrong(
      GuestMemory memory, PatternSource source, SystemCalls calls) {
    for (long page = FIRST_WORKSPACE_PAGE; page < PAGES; page++) {
      try {
        byte[] found = calls.read(memory.hvaOfPage(page), 4096);
        assertThat(source.bad).doesNotContain(page);
        if (!Arrays.equals(found, source.page(page).toArray(ValueLayout.JAVA_BYTE))) {
          assertThat(found).as("page %d", page).isEqualTo(expectedPage(source, page));
        }
      } catch (LinuxException e) {
        assertThat(e.errno()).isEqualTo(Errno.EFAULT);
      }
    }
  }

  @Test
  void aVcpuThatWaitsForAPageCanBePausedAndStopped() throws Exception {
    Saved saved = pageWriter(1, new Random(5));
    CountDownLatch gate = new CountDownLatch(1);
    saved.source().gatedFrom = FIRST_WORKSPACE_PAGE;
    saved.source().gate = gate;
    PagerOptions options = PagerOptions.forVcpus(1);
    try (GuestMemory memory = anonymous();
        Pager pager = Pager.attach(memory, saved.source(), options, cause -> {})) {
      try (FlatRig rig = new FlatRig(memory, saved.boot())) {
        rig.start();
        Awaiting.until(() -> saved.source().waiting);
        rig.pause();
        rig.resume();
        rig.stop();
        assertThat(pager.failure()).isEmpty();
      } finally {
        gate.countDown();
      }
    }
  }

  @Test
  void aVmIsGivenUpWithoutWaitingForASourceThatHangs() throws Exception {
    Saved saved = pageWriter(1, new Random(5));
    CountDownLatch gate = new CountDownLatch(1);
    saved.source().gate = gate;
    CompletableFuture<FlatRig> rigs = new CompletableFuture<>();
    try (GuestMemory memory = anonymous();
        Pager pager =
            Pager.attach(
                memory,
                saved.source(),
                PagerOptions.forVcpus(1),
                cause -> rigs.join().end(new VmExit.Failed(cause)))) {
      try (FlatRig rig = new FlatRig(memory, saved.boot())) {
        rigs.complete(rig);
        rig.start();
        Awaiting.until(() -> saved.source().waiting);
        pager.abandon(new IllegalStateException("no answer from the store"));
        assertThat(rig.exit.get(30, TimeUnit.SECONDS).describe()).contains("no answer");
        rig.stop();
        assertThatThrownBy(() -> memory.readLong(FlatBoot.WORKSPACE_GPA))
            .isInstanceOf(PageInException.class)
            .hasMessageContaining("no answer");
      } finally {
        gate.countDown();
      }
    }
  }

  @Test
  void aFaultAllocatesNothing() throws Exception {
    Saved saved = pageWriter(1, new Random(6));
    PagerOptions options = PagerOptions.forVcpus(1).withClusterPages(4);
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 40 && least > 0; round++) {
      try (GuestMemory memory = anonymous();
          Pager pager = Pager.attach(memory, saved.source(), options, cause -> {});
          FlatRig rig = new FlatRig(memory, saved.boot())) {
        Thread handler = Awaiting.threadNamed("torpor-pager-0");
        rig.start();
        Awaiting.until(() -> pager.presentPageCount() > FIRST_WORKSPACE_PAGE / 8);
        long before = Allocation.of(handler);
        assertThat(rig.exit.get(30, TimeUnit.SECONDS)).isEqualTo(new VmExit.GuestExited(0, 0));
        least = Math.min(least, Allocation.of(handler) - before);
      }
    }
    assertThat(least).as("bytes for some 200 faults").isZero();
  }

  @Test
  void missedPagesAreRecordedForTheGivenTimeOnly() throws Exception {
    Saved saved = pageWriter(1, new Random(7));
    for (Duration recording : new Duration[] {Duration.ZERO, Duration.ofMinutes(1)}) {
      PagerOptions options = PagerOptions.forVcpus(1).withRecording(recording);
      try (GuestMemory memory = anonymous();
          Pager pager = Pager.attach(memory, saved.source(), options, cause -> {});
          FlatRig rig = new FlatRig(memory, saved.boot())) {
        assertThat(rig.run()).isEqualTo(new VmExit.GuestExited(0, 0));
        PageSet faults = pager.recordedFaults();
        if (recording.isZero()) {
          assertThat(faults.isEmpty()).isTrue();
        } else {
          assertThat(faults.contains(FlatBoot.IMAGE_GPA / 4096)).isTrue();
          assertThat(faults.count()).isBetween((PAGES - FIRST_WORKSPACE_PAGE) / 16, PAGES / 4);
          PageSet used = pager.workingSet();
          assertThat(used.count()).isGreaterThan((PAGES - FIRST_WORKSPACE_PAGE) * 9 / 10);
        }
      }
    }
  }
}
