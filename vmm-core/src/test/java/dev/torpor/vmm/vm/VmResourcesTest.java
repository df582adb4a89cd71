package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatArguments;
import dev.torpor.vmm.boot.FlatGuest;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a closed VM, or one that could not be built, leaves behind: nothing. */
@KvmTest
class VmResourcesTest {
  private static final int VM_COUNT = 1_000;
  private static final long MEMORY_BYTES = 192L << 20;

  /** Threads are found by it; the kernel keeps 15 characters of a thread's name. */
  private static final String NAME = "leaky";

  @TempDir private Path folder;

  /** What this process holds that only VMs of this test would have made. */
  private record Held(long descriptors, long threads, long vcpuPages, long guestMemories) {
    static Held now() throws IOException {
      List<String> maps = Files.readAllLines(Path.of("/proc/self/maps"));
      try (Stream<Path> descriptors = Files.list(Path.of("/proc/self/fd"));
          Stream<Path> threads = Files.list(Path.of("/proc/self/task"))) {
        return new Held(
            descriptors.count(),
            threads.filter(Held::isOurs).count(),
            maps.stream().filter(line -> line.contains("kvm-vcpu")).count(),
            maps.stream().filter(Held::isLarge).count());
      }
    }

    private static boolean isOurs(Path thread) {
      try {
        return Files.readString(thread.resolve("comm")).startsWith(NAME);
      } catch (IOException ended) {
        return false;
      }
    }

    /** Leaked memories of neighbouring addresses show as one mapping, but never as none. */
    private static boolean isLarge(String line) {
      int dash = line.indexOf('-');
      long start = Long.parseUnsignedLong(line, 0, dash, 16);
      long end = Long.parseUnsignedLong(line, dash + 1, line.indexOf(' '), 16);
      return end - start >= MEMORY_BYTES;
    }
  }

  private Path disk() throws IOException {
    Path disk = folder.resolve("disk.img");
    try (RandomAccessFile file = new RandomAccessFile(disk.toFile(), "rw")) {
      file.setLength(1 << 20);
    }
    return disk;
  }

  private static void createAndClose(int round, Path disk) {
    VmConfig.Builder builder =
        VmConfig.boot(FlatGuest.named("spin")).name(NAME).memory(MEMORY_BYTES);
    if (round % 8 == 0) {
      builder.disk(disk, false).vcpus(2);
    }
    try (Vm vm = Vm.create(builder.build())) {
      if (round % 3 != 0) {
        vm.start();
      }
      if (round % 3 == 2) {
        vm.pause();
      }
    }
  }

  @Test
  void aThousandVmsLeaveNoDescriptorThreadOrMapping() throws IOException {
    Path disk = disk();
    for (int i = 0; i < 16; i++) {
      createAndClose(i, disk);
    }
    Held before = Held.now();
    for (int i = 0; i < VM_COUNT; i++) {
      createAndClose(i, disk);
    }
    assertThat(Held.now()).isEqualTo(before);
    assertThat(before.threads()).isZero();
    assertThat(before.vcpuPages()).isZero();
  }

  @Test
  void theCountsSeeAVmThatIsStillThere() throws IOException {
    VmConfig config =
        VmConfig.boot(FlatGuest.named("spin")).name(NAME).memory(MEMORY_BYTES).build();
    Held before = Held.now();
    try (Vm vm = Vm.create(config)) {
      vm.start();
      vm.pause(); // when the vCPU has come, with the thread's name
      Held during = Held.now();
      assertThat(during.descriptors()).isGreaterThan(before.descriptors());
      assertThat(during.threads()).isEqualTo(1);
      assertThat(during.vcpuPages()).isEqualTo(1);
      assertThat(during.guestMemories()).isEqualTo(before.guestMemories() + 1);
    }
  }

  @Test
  void aVmThatCannotBeBuiltLeavesNothing() throws IOException {
    FlatArguments outsideMemory = new FlatArguments(1L << 40, 4096, 0, 0, 0, 0);
    VmConfig config =
        VmConfig.boot(FlatGuest.named("spin").withVcpus(List.of(outsideMemory)))
            .name(NAME)
            .memory(MEMORY_BYTES)
            .disk(disk(), false)
            .build();
    try (Vm _ = Vm.create(VmConfig.boot(FlatGuest.named("spin")).build())) {
      Held before = Held.now();
      for (int i = 0; i < 10; i++) {
        assertThatThrownBy(() -> Vm.create(config)).isInstanceOf(IllegalArgumentException.class);
      }
      assertThat(Held.now()).isEqualTo(before);
    }
  }
}
