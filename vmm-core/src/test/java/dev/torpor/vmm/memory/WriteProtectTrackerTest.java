package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.UserFaultFd;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Write protection of memory without a guest. */
@EnabledIf(value = "canProtect", disabledReason = "needs Linux 6.7")
class WriteProtectTrackerTest {
  static boolean canProtect() {
    return (UserFaultFd.supportedFeatures() & UserFaultFd.FEATURE_WP_ASYNC) != 0;
  }

  @ParameterizedTest
  @EnumSource(names = {"ANONYMOUS", "MEMFD"})
  void pagesThatWereNeverTouchedAreProtectedTooAndOnlyWrittenOnesReported(MemoryBacking backing) {
    try (GuestMemory memory = GuestMemory.allocate(8 << 20, backing, true);
        WriteProtectTracker tracker = new WriteProtectTracker(memory)) {
      memory.writeLong(0, 1);
      tracker.start();
      memory.writeLong(0x5000, 1);
      memory.readLong(0x9000);
      memory.writeLong((8 << 20) - 8, 1);
      PageSet pages = new PageSet(memory.pageCount());
      tracker.collect(pages);
      assertThat(PageSetTest.toBitSet(pages).stream()).containsExactly(5, 2047);
      pages.clear();
      tracker.collect(pages);
      assertThat(pages.isEmpty()).isTrue();
    }
  }

  @Test
  void moreScatteredPagesThanOneSearchReturnsAreAllFound() {
    try (GuestMemory memory = GuestMemory.allocate(16 << 20, MemoryBacking.ANONYMOUS, false);
        WriteProtectTracker tracker = new WriteProtectTracker(memory)) {
      tracker.start();
      PageSet written = new PageSet(memory.pageCount());
      for (long page = 1; page < memory.pageCount(); page += 3) {
        memory.writeLong(page * 4096, page);
        written.add(page);
      }
      PageSet pages = new PageSet(memory.pageCount());
      tracker.collect(pages);
      assertThat(PageSetTest.toBitSet(pages)).isEqualTo(PageSetTest.toBitSet(written));
    }
  }

  @Test
  void memoryThatAnotherUserfaultfdHasIsRefused() {
    try (GuestMemory memory = GuestMemory.allocate(8 << 20, MemoryBacking.ANONYMOUS, true);
        UserFaultFd other = UserFaultFd.open(UserFaultFd.FEATURE_PAGEFAULT_FLAG_WP);
        WriteProtectTracker tracker = new WriteProtectTracker(memory)) {
      other.register(memory.address(), memory.byteSize(), UserFaultFd.MODE_WP);
      assertThatThrownBy(tracker::start)
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("another userfaultfd has the memory")
          .hasMessageContaining("use DIRTY_LOG");
      assertThat(tracker.isStarted()).isFalse();
    }
  }
}
