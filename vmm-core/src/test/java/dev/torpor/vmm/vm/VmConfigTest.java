package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.FlatGuest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VmConfigTest {
  @TempDir private Path folder;

  private static VmConfig.Builder builder() {
    return VmConfig.boot(FlatGuest.of(new byte[] {1}));
  }

  private static void assertRefused(VmConfig.Builder builder, String message) {
    assertThatThrownBy(builder::build)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  @Test
  void theDefaultsAreOneVcpuAndHalfAGibibyte() {
    VmConfig config = builder().build();
    assertThat(config.memoryByteSize()).isEqualTo(512L << 20);
    assertThat(config.vcpuCount()).isEqualTo(1);
    assertThat(config.transparentHugePages()).isTrue();
    assertThat(config.disks()).isEmpty();
  }

  @Test
  void memoryThatCannotBeIsRefused() {
    assertRefused(
        builder().memory(3),
        "memory of 3 bytes: must be a multiple of 4 KiB, from 4 MiB to 252 GiB");
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 255})
  void aNumberOfVcpusThatCannotBeIsRefused(int count) {
    assertRefused(builder().vcpus(count), count + " vCPUs: must be from 1 to 254");
  }

  @Test
  void aDiskThatIsNotThereIsRefused() {
    Path missing = folder.resolve("missing.img");
    assertRefused(
        builder().disk(missing, false),
        "disk " + missing + " does not exist: give a raw image file or a block device");
  }

  @Test
  void aDiskCannotBeWrittenTwiceAtOnce() throws IOException {
    Path disk = Files.write(folder.resolve("disk.img"), new byte[512]);
    Path sameDisk = folder.resolve("../" + folder.getFileName() + "/disk.img");
    assertRefused(
        builder().disk(disk, true).disk(sameDisk, false),
        "disk " + sameDisk + " is given twice: each disk needs a file of its own");
    assertRefused(
        builder().disk(disk, false).disk(sameDisk, true),
        "disk " + sameDisk + " is given twice: each disk needs a file of its own");
    assertThat(builder().disk(disk, true).disk(sameDisk, true).build().disks()).hasSize(2);
    try (Store store = Store.open(folder.resolve("store"))) { // then the file is only read
      assertThat(builder().store(store).disk(disk, false).disk(sameDisk, false).build().disks())
          .hasSize(2);
    }
  }

  @Test
  void moreDisksThanInterruptsAreRefused() throws IOException {
    VmConfig.Builder builder = builder();
    for (int i = 0; i < 9; i++) {
      builder.disk(Files.write(folder.resolve("disk" + i), new byte[512]), false);
    }
    assertRefused(builder, "9 disks: at most 8");
  }
}
