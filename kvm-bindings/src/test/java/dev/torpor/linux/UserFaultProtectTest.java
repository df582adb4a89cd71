package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.FaultServer.Fault;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Protected pages stop their writers until the protection ends. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UserFaultProtectTest {
  private static final int PAGE = 4096;

  @AutoClose private final Mapping target = Mapping.anonymous(16 * PAGE, 0);

  @AutoClose
  private final UserFaultFd faults = UserFaultFd.open(UserFaultFd.FEATURE_PAGEFAULT_FLAG_WP);

  private long page(int index) {
    return target.address() + (long) index * PAGE;
  }

  @Test
  void theHandlerSeesThePageAsItWasBeforeTheWrite() {
    NativeMemory.fill(target.address(), 1, target.byteSize());
    faults.register(target.address(), target.byteSize(), UserFaultFd.MODE_WP);
    faults.writeProtect(target.address(), target.byteSize(), true);
    List<Integer> contents = new CopyOnWriteArrayList<>();
    try (FaultServer server =
        new FaultServer(
            faults,
            fault -> {
              contents.add(NativeMemory.read(fault.address()));
              faults.writeProtect(fault.address(), PAGE, false);
            })) {
      assertThat(NativeMemory.read(page(3))).as("reading is free").isEqualTo(1);
      NativeMemory.fill(page(3), 2, PAGE);
      NativeMemory.fill(page(3), 3, PAGE);
      assertThat(server.faults())
          .containsExactly(new Fault(UserFaultFd.FLAG_WRITE | UserFaultFd.FLAG_WP, page(3)));
    }
    assertThat(contents).containsExactly(1);
    assertThat(NativeMemory.read(page(3))).isEqualTo(3);
  }

  @Test
  void aSuppliedPageCanBeProtectedAtOnce() {
    faults.register(
        target.address(), target.byteSize(), UserFaultFd.MODE_MISSING | UserFaultFd.MODE_WP);
    try (Mapping source = Mapping.anonymous(PAGE, 0);
        FaultServer server =
            new FaultServer(faults, fault -> faults.writeProtect(fault.address(), PAGE, false))) {
      assertThat(faults.copy(page(0), source.address(), PAGE, UserFaultFd.COPY_WP)).isEqualTo(PAGE);
      assertThat(NativeMemory.read(page(0))).isZero();
      assertThat(server.faults()).isEmpty();
      NativeMemory.fill(page(0), 1, PAGE);
      assertThat(server.faults()).hasSize(1);
    }
  }

  @Test
  void protectingWhatIsNotRegisteredIsAnError() {
    assertThatThrownBy(() -> faults.writeProtect(page(0), PAGE, true))
        .isInstanceOf(LinuxException.class)
        .hasMessageStartingWith("UFFDIO_WRITEPROTECT failed: ENOENT");
  }

  @Test
  void aRangeBelongsToOneUserfaultfdOnly() {
    faults.register(target.address(), target.byteSize(), UserFaultFd.MODE_WP);
    try (UserFaultFd other = UserFaultFd.open(0)) {
      assertThatThrownBy(() -> other.register(target.address(), PAGE, UserFaultFd.MODE_MISSING))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("UFFDIO_REGISTER failed: EBUSY");
    }
  }
}
