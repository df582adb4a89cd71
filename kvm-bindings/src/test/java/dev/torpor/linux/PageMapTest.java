package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** The page map tells which pages are there, and which were written since they were protected. */
class PageMapTest {
  private static final int PAGE = 4096;
  private static final int PAGES = 2048;
  private static final long WRITTEN_AND_PROTECT_AGAIN =
      PageMap.SCAN_WP_MATCHING | PageMap.SCAN_CHECK_WPASYNC;

  /** Both came with Linux 6.7. */
  private static final boolean KERNEL_CAN_SCAN =
      (UserFaultFd.supportedFeatures() & UserFaultFd.FEATURE_WP_ASYNC) != 0;

  @AutoClose private final PageMap pageMap = PageMap.open();
  @AutoClose private final Mapping memory = Mapping.anonymous(PAGES * PAGE, 0);

  PageMapTest() {
    memory.advise(0, memory.byteSize(), Mapping.Advice.NO_HUGE_PAGE);
  }

  private long page(int index) {
    return memory.address() + (long) index * PAGE;
  }

  private int scanAll(long flags, long categories) {
    return pageMap.scan(page(0), page(PAGES), flags, categories);
  }

  private void expectRefusal() {
    assertThatThrownBy(() -> scanAll(0, PageMap.PAGE_IS_PRESENT))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("PAGEMAP_SCAN failed: ENOTTY");
  }

  @Test
  void presentPagesAreFoundAsRegions() {
    if (!KERNEL_CAN_SCAN) {
      expectRefusal();
      return;
    }
    NativeMemory.fill(page(3), 1, 2 * PAGE);
    NativeMemory.fill(page(9), 1, PAGE);
    assertThat(scanAll(0, PageMap.PAGE_IS_PRESENT)).isEqualTo(2);
    assertThat(pageMap.regionStart(0)).isEqualTo(page(3));
    assertThat(pageMap.regionEnd(0)).isEqualTo(page(5));
    assertThat(pageMap.regionCategories(0)).isEqualTo(PageMap.PAGE_IS_PRESENT);
    assertThat(pageMap.regionStart(1)).isEqualTo(page(9));
    assertThat(pageMap.walkEnd()).isEqualTo(page(PAGES));
  }

  @Test
  void aScanThatFindsMoreThanItHoldsGoesOnWhereItStopped() {
    if (!KERNEL_CAN_SCAN) {
      expectRefusal();
      return;
    }
    List<Long> written = new ArrayList<>();
    for (int i = 0; i < PAGES; i += 2) {
      NativeMemory.fill(page(i), 1, PAGE);
      written.add(page(i));
    }
    List<Long> found = new ArrayList<>();
    for (long at = page(0); at < page(PAGES); at = pageMap.walkEnd()) {
      int count = pageMap.scan(at, page(PAGES), 0, PageMap.PAGE_IS_PRESENT);
      assertThat(count).isLessThanOrEqualTo(512);
      for (int i = 0; i < count; i++) {
        found.add(pageMap.regionStart(i));
      }
    }
    assertThat(found).isEqualTo(written);
  }

  @Test
  void onlyThePageWrittenSinceTheLastScanIsFoundAndIsProtectedAgain() {
    if (!KERNEL_CAN_SCAN) {
      expectRefusal();
      return;
    }
    long features = UserFaultFd.FEATURE_WP_ASYNC | UserFaultFd.FEATURE_WP_UNPOPULATED;
    try (UserFaultFd faults = UserFaultFd.open(features)) {
      NativeMemory.fill(page(0), 1, 16 * PAGE);
      faults.register(memory.address(), memory.byteSize(), UserFaultFd.MODE_WP);
      faults.writeProtect(memory.address(), memory.byteSize(), true);
      assertThat(scanAll(WRITTEN_AND_PROTECT_AGAIN, PageMap.PAGE_IS_WRITTEN)).isZero();

      for (int written : new int[] {7, 7, 1000}) {
        NativeMemory.fill(page(written) + 99, 1, 1);
        assertThat(scanAll(WRITTEN_AND_PROTECT_AGAIN, PageMap.PAGE_IS_WRITTEN)).isEqualTo(1);
        assertThat(pageMap.regionStart(0)).isEqualTo(page(written));
        assertThat(pageMap.regionEnd(0)).isEqualTo(page(written + 1));
      }
      assertThat(scanAll(WRITTEN_AND_PROTECT_AGAIN, PageMap.PAGE_IS_WRITTEN)).isZero();
    }
  }

  @Test
  void protectingMemoryThatIsNotProtectedAsynchronouslyIsRefused() {
    if (!KERNEL_CAN_SCAN) {
      expectRefusal();
      return;
    }
    assertThatThrownBy(() -> scanAll(WRITTEN_AND_PROTECT_AGAIN, PageMap.PAGE_IS_WRITTEN))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("PAGEMAP_SCAN failed: EPERM")
        .hasMessageContaining("start=0x" + Long.toHexString(page(0)));
  }
}
