package dev.torpor.linux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.linux.FaultServer.Fault;
import dev.torpor.testing.ProcessResources;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is no missing and no protected page: minor faults, dropped ranges, features. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class UserFaultEventTest {
  private static final int PAGE = 4096;

  @Test
  void whileADroppedRangeIsNotYetReadAboutPagesAreNotSupplied() throws InterruptedException {
    try (UserFaultFd faults = UserFaultFd.open(UserFaultFd.FEATURE_EVENT_REMOVE);
        Mapping target = Mapping.anonymous(16 * PAGE, 0);
        Mapping source = Mapping.anonymous(PAGE, 0);
        Epoll epoll = Epoll.create()) {
      faults.register(
          target.address(), target.byteSize(), UserFaultFd.MODE_MISSING | UserFaultFd.MODE_WP);
      Thread dropper =
          Thread.ofPlatform()
              .start(() -> target.advise(4 * PAGE, 2 * PAGE, Mapping.Advice.DONT_NEED));
      epoll.add(faults.descriptor(), 1);
      assertThat(epoll.await(-1)).isEqualTo(1);

      assertThat(faults.copy(target.address(), source.address(), PAGE, 0)).isEqualTo(-Errno.EAGAIN);
      assertThat(faults.zeroPage(target.address(), PAGE, 0)).isEqualTo(-Errno.EAGAIN);
      assertThatThrownBy(() -> faults.writeProtect(target.address(), PAGE, true))
          .isInstanceOf(LinuxException.class)
          .hasMessageStartingWith("UFFDIO_WRITEPROTECT failed: EAGAIN");

      UserFaultFd.Messages messages = new UserFaultFd.Messages();
      assertThat(messages.read(faults)).isEqualTo(1);
      assertThat(messages.event(0)).isEqualTo(UserFaultFd.EVENT_REMOVE);
      assertThat(messages.removedStart(0)).isEqualTo(target.address() + 4 * PAGE);
      assertThat(messages.removedEnd(0)).isEqualTo(target.address() + 6 * PAGE);
      assertThat(messages.read(faults)).as("nothing else waits").isZero();
      dropper.join();
      assertThat(faults.copy(target.address(), source.address(), PAGE, 0)).isEqualTo(PAGE);
    }
  }

  @Test
  void aPageOfThePageCacheIsMappedInAnswerToAMinorFault() {
    try (LinuxFile file = LinuxFile.inMemory("torpor-fault-test", 4 * PAGE, false);
        Mapping filler = shared(file);
        Mapping target = shared(file);
        UserFaultFd faults = UserFaultFd.open(UserFaultFd.FEATURE_MINOR_SHMEM)) {
      filler.segment().fill((byte) 5);
      faults.register(target.address(), target.byteSize(), UserFaultFd.MODE_MINOR);
      try (FaultServer server =
          new FaultServer(faults, fault -> faults.continueMinor(fault.address(), PAGE, 0))) {
        assertThat(NativeMemory.read(target.address() + PAGE)).isEqualTo(5);
        assertThat(server.faults())
            .containsExactly(new Fault(UserFaultFd.FLAG_MINOR, target.address() + PAGE));
      }
      assertThat(faults.continueMinor(target.address() + PAGE, PAGE, 0)).isEqualTo(-Errno.EEXIST);
    }
  }

  private static Mapping shared(LinuxFile file) {
    return Mapping.file(
        file.descriptor(),
        0,
        file.byteSize(),
        Mapping.PROT_READ | Mapping.PROT_WRITE,
        Mapping.MAP_SHARED);
  }

  @Test
  void anExactAddressIsToldWhereItWasAskedFor() {
    try (UserFaultFd faults = UserFaultFd.open(UserFaultFd.FEATURE_EXACT_ADDRESS);
        Mapping target = Mapping.anonymous(PAGE, 0)) {
      faults.register(target.address(), PAGE, UserFaultFd.MODE_MISSING);
      try (FaultServer server =
          new FaultServer(faults, fault -> faults.zeroPage(fault.address() & -PAGE, PAGE, 0))) {
        assertThat(NativeMemory.read(target.address() + 123)).isZero();
        assertThat(server.faults()).containsExactly(new Fault(0, target.address() + 123));
      }
    }
  }

  @Test
  void theFeaturesOfAnOpenOneAreThoseOfTheKernel() {
    try (UserFaultFd faults = UserFaultFd.open(UserFaultFd.FEATURE_THREAD_ID)) {
      assertThat(faults.features()).isEqualTo(UserFaultFd.supportedFeatures());
      assertThat(faults.features() & UserFaultFd.FEATURE_THREAD_ID).isNotZero();
    }
  }

  @Test
  void aThousandRefusedOpeningsLeaveNoDescriptorOpen() {
    long before = ProcessResources.count("").fileDescriptors();
    for (int i = 0; i < 1000; i++) {
      assertThatThrownBy(() -> UserFaultFd.open(1L << 62).close())
          .isInstanceOf(LinuxException.class);
    }
    assertThat(ProcessResources.count("").fileDescriptors()).isLessThan(before + 20);
  }
}
