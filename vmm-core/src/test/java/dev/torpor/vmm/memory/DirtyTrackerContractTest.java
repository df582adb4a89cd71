package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.kvm.MemorySlot;
import dev.torpor.linux.UserFaultFd;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatBoot;
import java.time.Duration;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every tracker promises, shown with a guest that writes: no write is lost, and in the guest's
 * workspace, where there are no page tables, no page is reported that was not written or about to
 * be.
 */
@KvmTest
class DirtyTrackerContractTest {
  private static final int PAGE = 4096;
  private static final long GIB = 1L << 30;

  /** 2,085 pages: the last word of a bitmap over them is not full. */
  private static final long MEMORY_BYTES = (8L << 20) + 37 * PAGE;

  private static final boolean CAN_PROTECT =
      (UserFaultFd.supportedFeatures() & UserFaultFd.FEATURE_WP_ASYNC) != 0;

  static List<TrackerKind> kinds() {
    return Arrays.stream(TrackerKind.values())
        .filter(kind -> CAN_PROTECT || kind != TrackerKind.WRITE_PROTECT)
        .toList();
  }

  @Provide
  Arbitrary<TrackerKind> trackerKinds() {
    return Arbitraries.of(kinds());
  }

  private static TrackedVm vm(TrackerKind kind, FlatArguments... workspaces) {
    return new TrackedVm(
        MEMORY_BYTES, MemoryBacking.ANONYMOUS, TrackedVm.Factory.of(kind), 0, workspaces);
  }

  /**
   * Workspaces that together reach to the end of the memory. The number of their pages is prime:
   * with every stride a pass writes each page once, and so changes it.
   */
  private static FlatArguments[] workspaces(int vcpuCount, int strideInPages) {
    long pages = vcpuCount == 1 ? 1061 : 523;
    long first = MEMORY_BYTES - pages * vcpuCount * PAGE;
    return LongStream.range(0, vcpuCount)
        .mapToObj(
            i ->
                new FlatArguments(
                    first + i * pages * PAGE,
                    pages * PAGE,
                    (long) strideInPages * PAGE,
                    17 + i,
                    0,
                    0))
        .toArray(FlatArguments[]::new);
  }

  private enum Step {
    RUN,
    RUN_AND_COLLECT,
    WRITE,
    COLLECT
  }

  @Provide
  Arbitrary<List<Step>> steps() {
    return Arbitraries.of(Step.class).list().ofMinSize(5).ofMaxSize(25);
  }

  @Property(tries = 30)
  void exactlyTheChangedPagesAreReported(
      @ForAll("trackerKinds") TrackerKind kind,
      @ForAll @IntRange(min = 1, max = 2) int vcpuCount,
      @ForAll @IntRange(min = 1, max = 50) int strideInPages,
      @ForAll @Size(min = 1, max = 5) List<@From("pages") Integer> written,
      @ForAll("steps") List<Step> steps)
      throws InterruptedException {
    FlatArguments[] workspaces = workspaces(vcpuCount, strideInPages);
    long gpa = workspaces[0].workspaceGpa();
    try (TrackedVm vm = vm(kind, workspaces)) {
      vm.tracker.start();
      vm.runFor(Duration.ofMillis(1));
      vm.collect();
      MemoryCopy copy = new MemoryCopy(vm.memory, gpa, MEMORY_BYTES - gpa);
      PageSet reported = new PageSet(vm.memory.pageCount());
      long value = 1L << 60;
      for (Step step : steps) {
        switch (step) {
          case RUN -> vm.runFor(Duration.ofMillis(2));
          case RUN_AND_COLLECT -> {
            vm.resume();
            Thread.sleep(2);
            vm.tracker.collect(reported);
            vm.pause();
          }
          case WRITE -> {
            for (int page : written) {
              vm.memory.writeLong(MemoryCopy.gpaOf(page) + 8, value++);
            }
          }
          case COLLECT -> {
            vm.tracker.collect(reported);
            requireExact(copy, reported, vcpuCount);
            copy.update(reported);
            reported.clear();
          }
        }
      }
      vm.tracker.collect(reported);
      requireExact(copy, reported, vcpuCount);
    }
  }

  /** A vCPU may be stopped between the fault that makes a page writable and the write itself. */
  private static void requireExact(MemoryCopy copy, PageSet reported, int vcpuCount) {
    BitSet missing = copy.changed();
    missing.andNot(copy.within(reported));
    assertThat(missing).as("changed but not reported").isEqualTo(new BitSet());
    BitSet extra = copy.within(reported);
    extra.andNot(copy.changed());
    assertThat(extra.cardinality()).as("not changed: %s", extra).isLessThanOrEqualTo(vcpuCount);
  }

  @Provide
  Arbitrary<Integer> pages() {
    int first = (int) (FlatBoot.WORKSPACE_GPA / PAGE) + 40;
    return Arbitraries.integers().between(first, (int) (MEMORY_BYTES / PAGE) - 1);
  }

  /** Whatever is copied as it is reported, of all memory: at the pause nothing is missing. */
  @ParameterizedTest
  @MethodSource("kinds")
  void aCopyThatFollowsTheReportsMissesNothingWhileGuestAndVmmWrite(TrackerKind kind)
      throws InterruptedException {
    try (TrackedVm vm = vm(kind, workspaces(2, 7))) {
      vm.tracker.start();
      MemoryCopy copy = new MemoryCopy(vm.memory, 0, MEMORY_BYTES);
      AtomicBoolean enough = new AtomicBoolean();
      Thread device = Thread.ofPlatform().start(() -> writeUntil(vm.memory, enough));
      PageSet reported = new PageSet(vm.memory.pageCount());
      for (int pause = 0; pause < 5; pause++) {
        vm.resume();
        for (int i = 0; i < 40; i++) {
          follow(vm, reported, copy);
        }
        vm.pause();
        if (pause == 4) {
          enough.set(true);
          device.join();
        }
        follow(vm, reported, copy);
        if (pause == 4) {
          assertThat(copy.changed()).isEqualTo(new BitSet());
        }
      }
      assertThat(vm.doorbell.progress()).isPositive();
    }
  }

  private static void follow(TrackedVm vm, PageSet reported, MemoryCopy copy)
      throws InterruptedException {
    Thread.sleep(1);
    reported.clear();
    vm.tracker.collect(reported);
    copy.update(reported);
  }

  /** A device: it writes to pages that the guest writes as well, and to one that it does not. */
  private static void writeUntil(GuestMemory memory, AtomicBoolean enough) {
    long[] targets = {0x30_0010, MEMORY_BYTES - 16, MEMORY_BYTES - 5 * PAGE - 16};
    for (long value = 1; !enough.get(); value++) {
      memory.writeLong(targets[(int) (value % targets.length)], value);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void pagesOnBothSidesOfTheHoleAreReportedInTheirPlaces(TrackerKind kind)
      throws InterruptedException {
    long memoryBytes = 3 * GIB + (64L << 20) + 5 * PAGE;
    int pages = 77;
    long workspaceBytes = 77L * PAGE;
    FlatArguments low = new FlatArguments(3 * GIB - workspaceBytes, workspaceBytes, 0, 1, 0, 0);
    FlatArguments high =
        new FlatArguments(memoryBytes + GIB - workspaceBytes, workspaceBytes, 0, 2, 0, 0);
    try (TrackedVm vm =
        new TrackedVm(
            memoryBytes, MemoryBacking.ANONYMOUS, TrackedVm.Factory.of(kind), 0, low, high)) {
      vm.tracker.start();
      vm.runWholePasses(6);
      vm.collect();
      MemoryCopy lowCopy = new MemoryCopy(vm.memory, low.workspaceGpa(), workspaceBytes);
      MemoryCopy highCopy = new MemoryCopy(vm.memory, high.workspaceGpa(), workspaceBytes);
      BitSet changed = new BitSet();
      for (int slices = 0; slices < 500 && changed.cardinality() < 2 * pages; slices++) {
        vm.runFor(Duration.ofMillis(20));
        changed = lowCopy.changed();
        changed.or(highCopy.changed());
      }
      assertThat(changed.cardinality()).isEqualTo(2 * pages);
      BitSet reported = PageSetTest.toBitSet(vm.collect());
      reported.clear(0, (int) (FlatBoot.WORKSPACE_GPA / PAGE)); // page tables, stacks
      assertThat(reported).isEqualTo(changed);
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void trackingThatStartsUnderARunningGuestReportsWhatIsWrittenFromThenOn(TrackerKind kind)
      throws InterruptedException {
    try (TrackedVm vm = vm(kind, workspaces(1, 1))) {
      assertThat(vm.tracker.isStarted()).isFalse();
      vm.memory.writeLong(0x30_0000, 1);
      vm.resume();
      Thread.sleep(10);
      vm.tracker.start();
      vm.tracker.start();
      assertThat(vm.tracker.isStarted()).isTrue();
      MemoryCopy copy = new MemoryCopy(vm.memory, 0, MEMORY_BYTES);
      Thread.sleep(5);
      vm.pause();
      PageSet reported = vm.collect();
      copy.update(reported);
      assertThat(copy.changed()).isEqualTo(new BitSet());
      assertThat(reported.contains(0x300)).as("written before the start").isFalse();
      assertThat(PageSetTest.toBitSet(vm.collect())).as("nothing since").isEqualTo(new BitSet());
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void memslotsThatLogFromTheBeginningAndSharedMemoryAreTrackedToo(TrackerKind kind)
      throws InterruptedException {
    FlatArguments workspace = workspaces(1, 1)[0];
    try (TrackedVm vm =
        new TrackedVm(
            MEMORY_BYTES,
            MemoryBacking.MEMFD,
            TrackedVm.Factory.of(kind),
            MemorySlot.LOG_DIRTY_PAGES,
            workspace)) {
      vm.tracker.start();
      vm.runFor(Duration.ofMillis(2));
      vm.collect();
      MemoryCopy copy =
          new MemoryCopy(vm.memory, workspace.workspaceGpa(), workspace.workspaceBytes());
      vm.runWholePasses(2);
      assertThat(copy.within(vm.collect())).isEqualTo(copy.changed());
      assertThat(copy.changed().cardinality()).isEqualTo((int) (workspace.workspaceBytes() / PAGE));
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void collectingAddsToWhatTheSetHas(TrackerKind kind) throws InterruptedException {
    try (TrackedVm vm = vm(kind, workspaces(1, 1))) {
      vm.tracker.start();
      PageSet pages = new PageSet(vm.memory.pageCount());
      pages.add(0x310);
      vm.memory.writeLong(0x32_0000, 1);
      vm.runWholePasses(1);
      vm.tracker.collect(pages);
      assertThat(pages.contains(0x310)).isTrue();
      assertThat(pages.contains(0x320)).isTrue();
      assertThat(pages.contains(pages.pageCount() - 1)).isTrue();
      assertThat(vm.collect().contains(0x320)).isFalse();
    }
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void collectingBeforeTheStartIsRefused(TrackerKind kind) {
    try (TrackedVm vm = vm(kind, workspaces(1, 1))) {
      assertThat(vm.tracker.kind()).isEqualTo(kind);
      assertThatThrownBy(vm::collect)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("before tracking was started");
    }
  }

  @Test
  void onlyAKernelThatCannotProtectAsynchronouslySaysSo() {
    ThrowingCallable creation = () -> vm(TrackerKind.WRITE_PROTECT, workspaces(1, 1)).close();
    if (CAN_PROTECT) {
      assertThatCode(creation).doesNotThrowAnyException();
    } else {
      assertThatThrownBy(creation)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("Linux 6.7");
    }
  }
}
