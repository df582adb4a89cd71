package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatArguments;
import java.time.Duration;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

/** Rings that fill up between two collections. */
@KvmTest
class DirtyRingTrackerTest {
  private static final int SMALL_RING = 1024;
  private static final long MEMORY_BYTES = 32L << 20;
  private static final long SHARE = 12L << 20;
  private static final FlatArguments[] TWO = {
    new FlatArguments(8L << 20, SHARE, 0, 1, 0, 0),
    new FlatArguments((8L << 20) + SHARE, SHARE, 0, 2, 0, 0)
  };

  private static TrackedVm smallRings() {
    return new TrackedVm(
        MEMORY_BYTES,
        MemoryBacking.ANONYMOUS,
        (memory, vm, slots) -> new DirtyRingTracker(memory, vm, slots, SMALL_RING),
        0,
        TWO);
  }

  @Test
  void moreWritesThanTheRingsHoldAreAllReportedAndTheGuestGoesOn() throws InterruptedException {
    try (TrackedVm vm = smallRings()) {
      vm.tracker.start();
      MemoryCopy copy = new MemoryCopy(vm.memory, TWO[0].workspaceGpa(), 2 * SHARE);
      int pages = (int) (2 * SHARE / 4096);
      for (int slices = 0; slices < 500 && copy.changed().cardinality() < pages; slices++) {
        vm.runFor(Duration.ofMillis(20));
      }
      assertThat(copy.within(vm.collect()).cardinality()).isEqualTo(pages);
      assertThat(vm.collect().isEmpty()).isTrue();
    }
  }

  @Test
  void fullRingsAndACollectorAtOnceLoseNothing() throws InterruptedException {
    try (TrackedVm vm = smallRings()) {
      vm.tracker.start();
      MemoryCopy copy = new MemoryCopy(vm.memory, 0, MEMORY_BYTES);
      PageSet pages = new PageSet(vm.memory.pageCount());
      vm.resume();
      for (int i = 0; i < 100; i++) {
        Thread.sleep(i % 7);
        pages.clear();
        vm.tracker.collect(pages);
        copy.update(pages);
      }
      vm.pause();
      copy.update(vm.collect());
      assertThat(copy.changed()).isEqualTo(new BitSet());
    }
  }

  @Test
  void aRingThatKvmDoesNotOfferIsRefusedAndTheOfferTold() {
    assertThatThrownBy(
            () ->
                new TrackedVm(
                        MEMORY_BYTES,
                        MemoryBacking.ANONYMOUS,
                        (memory, vm, slots) -> new DirtyRingTracker(memory, vm, slots, 1 << 24),
                        0,
                        TWO)
                    .close())
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("DIRTY_LOG works everywhere");
  }
}
