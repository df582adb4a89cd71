package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.FaultServer.Fault;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Missing pages are supplied to whoever touches them: copied, zeroed, moved or poisoned. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UserFaultMissingTest {
  private static final int PAGE = 4096;
  private static final int PAGES = 16;

  @AutoClose private final Mapping target = Mapping.anonymous(PAGES * PAGE, 0);
  @AutoClose private final Mapping source = sourcePages();
  @AutoClose private final UserFaultFd faults = UserFaultFd.open(0);

  UserFaultMissingTest() {
    faults.register(target.address(), target.byteSize(), UserFaultFd.MODE_MISSING);
  }

  /** Page {@code i} is full of the byte {@code i + 1}. */
  private static Mapping sourcePages() {
    Mapping pages = Mapping.anonymous(PAGES * PAGE, 0);
    for (int i = 0; i < PAGES; i++) {
      pages.segment().asSlice((long) i * PAGE, PAGE).fill((byte) (i + 1));
    }
    return pages;
  }

  private long page(int index) {
    return target.address() + (long) index * PAGE;
  }

  private long sourceOf(long address) {
    return source.address() + (address - target.address());
  }

  private long copyPage(Fault fault) {
    return faults.copy(fault.address(), sourceOf(fault.address()), PAGE, 0);
  }

  @Test
  void aReaderGetsTheCopyThatAJavaThreadSupplies() {
    try (FaultServer server = new FaultServer(faults, this::copyPage)) {
      assertThat(NativeMemory.read(page(5), PAGE)).containsOnly(6);
      assertThat(server.faults()).containsExactly(new Fault(0, page(5)));
    }
  }

  @Test
  void aWriterIsToldFromAReaderAndKeepsTheRestOfThePage() {
    try (FaultServer server = new FaultServer(faults, this::copyPage)) {
      NativeMemory.fill(page(2) + 8, 99, 8);
      assertThat(server.faults()).containsExactly(new Fault(UserFaultFd.FLAG_WRITE, page(2)));
      assertThat(NativeMemory.read(page(2) + 7)).isEqualTo(3);
      assertThat(NativeMemory.read(page(2) + 8)).isEqualTo(99);
    }
  }

  @Test
  void collectingGarbageWhileAReaderWaitsHoldsNothingUp() {
    try (FaultServer server =
        new FaultServer(
            faults,
            fault -> {
              System.gc();
              copyPage(fault);
            })) {
      for (int i = 0; i < 4; i++) {
        assertThat(NativeMemory.read(page(i))).isEqualTo(i + 1);
      }
      assertThat(server.faults()).hasSize(4);
    }
  }

  @Test
  void aSystemCallGetsItsPagesToo() {
    try (FaultServer server = new FaultServer(faults, this::copyPage);
        LinuxFile file = LinuxFile.inMemory("torpor-fault-test", 0, false)) {
      file.write(page(0), 3 * PAGE, 0);
      assertThat(server.faults()).hasSize(3);
      assertThat(file.byteSize()).isEqualTo(3 * PAGE);
    }
  }

  @Test
  void pagesSuppliedAheadCauseNoFault() {
    assertThat(faults.copy(page(0), source.address(), 4 * PAGE, 0)).isEqualTo(4 * PAGE);
    assertThat(faults.zeroPage(page(4), 2 * PAGE, 0)).isEqualTo(2 * PAGE);
    assertThat(NativeMemory.read(page(3), PAGE)).containsOnly(4);
    assertThat(NativeMemory.read(page(5), PAGE)).containsOnly(0);
  }

  @Test
  void aPageThatIsThereIsNotSuppliedAgain() {
    assertThat(faults.copy(page(1), sourceOf(page(1)), PAGE, 0)).isEqualTo(PAGE);
    assertThat(faults.copy(page(1), source.address(), PAGE, 0)).isEqualTo(-Errno.EEXIST);
    assertThat(faults.zeroPage(page(1), PAGE, 0)).isEqualTo(-Errno.EEXIST);
    assertThat(NativeMemory.read(page(1))).isEqualTo(2);
  }

  @Test
  void supplyingStopsBeforeAPageThatIsThereAndTellsHowFarItCame() {
    assertThat(faults.copy(page(2), sourceOf(page(2)), PAGE, 0)).isEqualTo(PAGE);
    assertThat(faults.copy(page(0), source.address(), 4 * PAGE, 0)).isEqualTo(2 * PAGE);
  }

  @Test
  void supplyingWhereNobodyRegisteredIsAnError() {
    assertThatThrownBy(() -> faults.copy(source.address(), page(0), PAGE, 0))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("UFFDIO_COPY failed: ENOENT")
        .hasMessageContaining("byteCount=4096");
  }

  @Test
  void aReaderThatIsNotWokenWaitsForTheWake() throws Exception {
    CompletableFuture<Void> supplied = new CompletableFuture<>();
    try (FaultServer server =
        new FaultServer(
            faults,
            fault -> {
              faults.copy(fault.address(), sourceOf(fault.address()), PAGE, UserFaultFd.DONT_WAKE);
              supplied.complete(null);
            })) {
      CompletableFuture<Integer> reader =
          CompletableFuture.supplyAsync(() -> NativeMemory.read(page(7)));
      supplied.get();
      Thread.sleep(20);
      assertThat(reader).isNotDone();
      faults.wake(page(7), PAGE);
      assertThat(reader.get()).isEqualTo(8);
      assertThat(server.faults()).hasSize(1);
    }
  }

  @Test
  void unregisteringWakesReadersAndGivesThemZeroes() throws Exception {
    CompletableFuture<Fault> faulted = new CompletableFuture<>();
    try (FaultServer server = new FaultServer(faults, faulted::complete)) {
      CompletableFuture<Integer> reader =
          CompletableFuture.supplyAsync(() -> NativeMemory.read(page(7)));
      faulted.get();
      faults.unregister(target.address(), target.byteSize());
      assertThat(reader.get()).isZero();
      assertThat(server.faults()).hasSize(1);
    }
  }

  @Test
  void aPageIsMovedOrTheKernelSaysThatItCannot() {
    MemorySegment.copy(source.segment(), 3 * PAGE, source.segment(), 0, PAGE);
    if ((faults.features() & UserFaultFd.FEATURE_MOVE) == 0) {
      assertThatThrownBy(() -> faults.move(page(0), source.address(), PAGE, 0))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("UFFDIO_MOVE failed: E");
      return;
    }
    assertThat(faults.move(page(0), source.address(), PAGE, 0)).isEqualTo(PAGE);
    assertThat(NativeMemory.read(page(0), PAGE)).containsOnly(4);
    assertThat(source.segment().asSlice(0, PAGE).mismatch(MemorySegment.ofArray(new byte[PAGE])))
        .as("the source is empty now")
        .isEqualTo(-1);
    assertThat(faults.move(page(0), sourceOf(page(1)), PAGE, 0)).isEqualTo(-Errno.EEXIST);
  }

  @Test
  void aPoisonedPageFailsSystemCallsOrTheKernelSaysThatItCannotPoison() {
    if ((faults.features() & UserFaultFd.FEATURE_POISON) == 0) {
      assertThatThrownBy(() -> faults.poison(page(0), PAGE))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("UFFDIO_POISON failed: E");
      return;
    }
    assertThat(faults.poison(page(0), PAGE)).isEqualTo(PAGE);
    assertThat(faults.poison(page(0), PAGE)).isEqualTo(-Errno.EEXIST);
    try (LinuxFile file = LinuxFile.inMemory("torpor-fault-test", PAGE, false)) {
      assertThatThrownBy(() -> file.write(page(0), PAGE, 0))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("pwrite failed: EFAULT");
    }
  }
}
