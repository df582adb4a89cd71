package dev.torpor.kvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The dirty ring reports the pages that the guest wrote, again after every reset. */
@KvmTest
class DirtyRingTest {
  private static final int ENTRIES = 4096;
  private static final int RING_BYTES = ENTRIES * 16;
  private static final long WRITTEN = FlatVm.WORKSPACE / FlatVm.PAGE;

  private static FlatVm reporting() {
    return new FlatVm(
        FlatVm.WRITER,
        MemorySlot.LOG_DIRTY_PAGES,
        vm -> {
          assertThat(vm.check(Cap.DIRTY_LOG_RING_ACQ_REL)).isGreaterThanOrEqualTo(RING_BYTES);
          vm.enable(Cap.DIRTY_LOG_RING_ACQ_REL, RING_BYTES);
        });
  }

  /** The pages reported, less the page tables. */
  private static List<Long> harvest(DirtyRing ring) {
    List<Long> pages = new ArrayList<>();
    int taken =
        ring.harvest(
            (slotId, pageIndex) -> {
              assertThat(slotId).isEqualTo(FlatVm.RAM_SLOT);
              pages.add(pageIndex);
            });
    assertThat(taken).isEqualTo(pages.size());
    return pages.stream().filter(page -> page >= FlatVm.FIRST_PAGE_OF_ITS_OWN).toList();
  }

  @Test
  void eachWrittenPageIsReportedOnceUntilTheRingIsReset() {
    try (FlatVm flat = reporting();
        DirtyRing ring = flat.vcpu.mapDirtyRing(RING_BYTES)) {
      flat.runToDoorbell();
      assertThat(harvest(ring)).contains(WRITTEN);
      assertThat(flat.vm.resetDirtyRings()).isPositive();

      for (int round = 0; round < 3; round++) {
        flat.runToDoorbell();
        flat.runToDoorbell();
        assertThat(harvest(ring)).containsExactly(WRITTEN);
        assertThat(harvest(ring)).isEmpty();
        assertThat(flat.vm.resetDirtyRings()).isPositive();
      }
      assertThat(flat.vm.resetDirtyRings()).isZero();
    }
  }

  @Test
  void harvestingGoesOnBehindTheEndOfTheRing() {
    try (FlatVm flat = reporting();
        DirtyRing ring = flat.vcpu.mapDirtyRing(RING_BYTES)) {
      int expected = 0;
      for (int i = 0; i < ENTRIES + 100; i++) {
        flat.set(Register.RDI, FlatVm.WORKSPACE + (long) (i % 100) * FlatVm.PAGE);
        flat.runToDoorbell();
        expected++;
        if (i % 50 == 49) {
          assertThat(harvest(ring)).hasSizeGreaterThanOrEqualTo(expected);
          assertThat(flat.vm.resetDirtyRings()).isGreaterThanOrEqualTo(expected);
          expected = 0;
        }
      }
    }
  }

  @Test
  void resettingRingsThatAreNotEnabledIsRefused() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      assertThatThrownBy(flat.vm::resetDirtyRings)
          .isInstanceOf(KvmException.class)
          .hasMessageStartingWith("KVM_RESET_DIRTY_RINGS failed: EINVAL");
    }
  }
}
