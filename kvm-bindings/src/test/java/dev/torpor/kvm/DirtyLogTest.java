package dev.torpor.kvm;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The dirty log names the pages that the guest wrote, and no others. */
@KvmTest
class DirtyLogTest {
  private static final int PAGES = (int) (FlatVm.RAM_BYTES / FlatVm.PAGE);
  private static final long WRITTEN = FlatVm.WORKSPACE / FlatVm.PAGE;

  private final MemorySegment bitmap = Arena.ofAuto().allocate(PAGES / 8, 8);

  private static FlatVm logging() {
    return new FlatVm(
        FlatVm.WRITER,
        MemorySlot.LOG_DIRTY_PAGES,
        vm -> vm.enable(Cap.MANUAL_DIRTY_LOG_PROTECT2, 1));
  }

  /** The pages reported, less the page tables; the bitmap keeps those too. */
  private List<Long> dirtyPages(FlatVm flat) {
    bitmap.fill((byte) 0xff);
    flat.vm.getDirtyLog(FlatVm.RAM_SLOT, bitmap);
    List<Long> pages = new ArrayList<>();
    for (int i = (int) FlatVm.FIRST_PAGE_OF_ITS_OWN; i < PAGES; i++) {
      if (((bitmap.get(JAVA_LONG, i / 64 * 8L) >>> (i % 64)) & 1) != 0) {
        pages.add((long) i);
      }
    }
    return pages;
  }

  private void clear(FlatVm flat) {
    flat.vm.clearDirtyLog(FlatVm.RAM_SLOT, 0, PAGES, bitmap);
  }

  @Test
  void onlyThePageThatTheGuestWroteIsDirty() {
    try (FlatVm flat = logging()) {
      flat.runToDoorbell();
      dirtyPages(flat);
      clear(flat);
      assertThat(dirtyPages(flat)).isEmpty();
      flat.runToDoorbell();
      assertThat(dirtyPages(flat)).containsExactly(WRITTEN);
      flat.set(Register.RDI, FlatVm.WORKSPACE + 70 * FlatVm.PAGE);
      flat.runToDoorbell();
      assertThat(dirtyPages(flat)).containsExactly(WRITTEN, WRITTEN + 70);
    }
  }

  @Test
  void pagesStayDirtyUntilTheyAreClearedAndAreTrackedAnewThen() {
    try (FlatVm flat = logging()) {
      flat.runToDoorbell();
      dirtyPages(flat);
      clear(flat);
      for (int round = 0; round < 3; round++) {
        flat.runToDoorbell();
        assertThat(dirtyPages(flat)).containsExactly(WRITTEN);
        assertThat(dirtyPages(flat)).as("not cleared yet").containsExactly(WRITTEN);
        clear(flat);
        assertThat(dirtyPages(flat)).isEmpty();
      }
    }
  }

  @Test
  void clearingARangeLeavesPagesOutsideItDirty() {
    try (FlatVm flat = logging()) {
      flat.runToDoorbell();
      dirtyPages(flat);
      clear(flat);
      flat.runToDoorbell();
      flat.set(Register.RDI, FlatVm.WORKSPACE + 64 * FlatVm.PAGE);
      flat.runToDoorbell();
      MemorySegment every = Arena.ofAuto().allocate(8, 8).fill((byte) 0xff);
      flat.vm.clearDirtyLog(FlatVm.RAM_SLOT, WRITTEN + 64, 64, every);
      assertThat(dirtyPages(flat)).containsExactly(WRITTEN);
    }
  }

  @Test
  void aMemslotThatDoesNotLogAndARangeThatIsNotAlignedAreRefused() {
    try (FlatVm flat = new FlatVm(FlatVm.WRITER)) {
      assertThatThrownBy(() -> dirtyPages(flat))
          .isInstanceOf(KvmException.class)
          .hasMessage("KVM_GET_DIRTY_LOG failed: ENOENT (slot=0)");
    }
    try (FlatVm flat = logging()) {
      assertThatThrownBy(() -> flat.vm.clearDirtyLog(FlatVm.RAM_SLOT, 1, 64, bitmap))
          .isInstanceOf(KvmException.class)
          .hasMessage("KVM_CLEAR_DIRTY_LOG failed: EINVAL (slot=0, firstPage=1, pageCount=64)");
    }
  }
}
