package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.device.EventLoop;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
