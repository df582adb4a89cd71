package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.torpor.linux.UserFaultFd;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.device.EventLoop;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.PageSet;
import dev.torpor.vmm.memory.TrackerKind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** How a VM treats its parts. */
@KvmTest
class MachineTest {
  @TempDir private Path folder;

  private Vm vmWithDisk() throws IOException {
    Path disk = Files.write(folder.resolve("disk.img"), new byte[4096]);
    return Vm.create(
        VmConfig.boot(FlatGuest.named("spin")).memory(16 << 20).disk(disk, false).build());
  }

  @Test
  void noDeviceWorksWhileTheVmIsPausedOrHasEnded() throws IOException {
    try (Vm vm = vmWithDisk()) {
      EventLoop devices = vm.machine().eventLoop().orElseThrow();
      vm.start();
      assertThat(devices.isQuiesced()).isFalse();
      vm.pause();
      assertThat(devices.isQuiesced()).isTrue();
      vm.resume();
      assertThat(devices.isQuiesced()).isFalse();
      vm.stop();
      assertThat(devices.isQuiesced()).isTrue();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aMachineHasTheTrackerThatItsConfigurationNames(TrackerKind kind) {
    assumeTrue(
        kind != TrackerKind.WRITE_PROTECT
            || (UserFaultFd.supportedFeatures() & UserFaultFd.FEATURE_WP_ASYNC) != 0);
    FlatGuest guest = FlatGuest.named("spin");
    try (Vm vm =
        Vm.create(VmConfig.boot(guest).memory(16 << 20).vcpus(2).dirtyTracker(kind).build())) {
      DirtyTracker tracker = vm.machine().dirtyTracker();
      assertThat(tracker.kind()).isEqualTo(kind);
      vm.start();
      FlatVmTest.awaitCounterAbove(vm, 0);
      tracker.start();
      vm.pause();
      PageSet pages = new PageSet(vm.memory().pageCount());
      tracker.collect(pages);
      pages.clear();
      long counter = FlatVmTest.counter(vm);
      vm.resume();
      FlatVmTest.awaitCounterAbove(vm, counter);
      vm.pause();
      tracker.collect(pages);
      assertThat(pages.contains(FlatBoot.WORKSPACE_GPA / 4096)).isTrue();
    }
  }

  @Test
  void aDiskBelongsToOneVmUntilItIsClosed() throws IOException {
    try (Vm first = vmWithDisk()) {
      first.start();
      assertThat(catchThrowable(this::vmWithDisk))
          .hasMessageContaining("disk.img")
          .hasMessageContaining("in use");
    }
    try (Vm second = vmWithDisk()) {
      second.start();
    }
  }
}
