package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.Store;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.disk.LayeredDisk;
import dev.torpor.vmm.disk.SurvivingDisks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Disks that outlive their VM, in a folder of its own. */
@KvmTest
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class VmDisksTest {
  private static final int BYTES = 1 << 20;

  @TempDir private Path folder;
  private Path base;
  private Path home;
  private Store store;

  @BeforeEach
  void prepare() throws IOException {
    base = Files.write(folder.resolve("base.raw"), new byte[BYTES]);
    home = folder.resolve("vms/web");
    store = Store.open(folder.resolve("store"));
  }

  @AfterEach
  void end() {
    store.close();
  }

  private Vm create(Path... bases) {
    VmConfig.Builder config =
        VmConfig.boot(FlatGuest.named("spin")).memory(8 << 20).store(store).diskFolder(home);
    for (Path one : bases) {
      config.disk(one, false);
    }
    return Vm.create(config.build());
  }

  private static LayeredDisk disk(Vm vm, int index) {
    return vm.machine().disks().layered().get(index);
  }

  private static void write(Vm vm, long offset, long value) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment word = arena.allocateFrom(ValueLayout.JAVA_LONG, value);
      disk(vm, 0).write(offset, word.address(), Long.BYTES);
    }
  }

  private static long read(Vm vm, long offset) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment word = arena.allocate(ValueLayout.JAVA_LONG);
      disk(vm, 0).read(offset, word.address(), Long.BYTES);
      return word.get(ValueLayout.JAVA_LONG, 0);
    }
  }

  /** As a process that is not there does. */
  private void collectGarbageAsAnother() {
    store.close();
    try (Store other = Store.open(folder.resolve("store"))) {
      assertThat(other.collectGarbage().damaged()).isEmpty();
    }
    store = Store.open(folder.resolve("store"));
  }

  @Test
  void aVmContinuesWithTheDisksThatItsFolderHas() {
    try (Vm vm = create(base)) {
      write(vm, 4096, 1);
      disk(vm, 0).flush();
      write(vm, 8192, 2); // never flushed, as before a failure of the power
    }
    collectGarbageAsAnother();
    try (Vm vm = create(base)) {
      assertThat(read(vm, 4096)).isEqualTo(1);
      write(vm, 0, 3);
      disk(vm, 0).flush();
    }
    try (Vm vm = create(base)) {
      assertThat(read(vm, 0)).isEqualTo(3);
      assertThat(read(vm, 4096)).isEqualTo(1);
    }
  }

  @Test
  void whatACheckpointHeldStaysOnTheDiskWhenTheCheckpointIsRemoved() throws Exception {
    Checkpoint checkpoint;
    try (Vm vm = create(base)) {
      write(vm, 4096, 1);
      checkpoint = vm.checkpoint("v1").awaitDurable();
    }
    store.remove(checkpoint.uuid());
    collectGarbageAsAnother();
    try (Vm vm = create(base)) {
      assertThat(read(vm, 4096)).isEqualTo(1);
    }
  }

  @Test
  void aRestoredVmReplacesTheDisksOfItsFolder() throws Exception {
    Checkpoint checkpoint;
    Path second = Files.write(folder.resolve("second.raw"), new byte[BYTES]);
    try (Vm vm = create(base)) {
      write(vm, 4096, 1);
      checkpoint = vm.checkpoint("v1").awaitDurable();
    }
    assertThat(Vm.deleteDisks(store, home)).isEqualTo(1);
    try (Vm vm = create(base, second)) {
      write(vm, 4096, 2);
      disk(vm, 0).flush();
    }
    RestoreConfig config = RestoreConfig.named("web").diskFolder(home).build();
    try (Vm vm = Vm.restore(store, checkpoint.uuid(), config)) {
      assertThat(read(vm, 4096)).isEqualTo(1);
      assertThat(SurvivingDisks.stateOf(home, "disk0").basePath()).isEqualTo(base);
      assertThat(home.resolve("disk1.state")).doesNotExist();
      write(vm, 8192, 3);
      disk(vm, 0).flush();
    }
    store.remove(checkpoint.uuid());
    collectGarbageAsAnother();
    try (Vm vm = create(base)) {
      assertThat(read(vm, 4096)).isEqualTo(1);
      assertThat(read(vm, 8192)).isEqualTo(3);
    }
  }

  @Test
  void aForkedChildsDisksSurviveIt() throws Exception {
    Path childHome = folder.resolve("vms/child");
    try (Vm vm = create(base)) {
      write(vm, 4096, 1);
      RestoreConfig config = RestoreConfig.named("child").diskFolder(childHome).build();
      try (Vm child = vm.fork(List.of(config)).getFirst()) {
        write(child, 4096, 2);
        disk(child, 0).flush();
      }
      assertThat(read(vm, 4096)).isEqualTo(1);
    }
    collectGarbageAsAnother();
    home = childHome;
    try (Vm vm = create(base)) {
      assertThat(read(vm, 4096)).isEqualTo(2);
    }
  }

  @Test
  void deletedDisksLeaveNothingInTheStore() {
    try (Vm vm = create(base)) {
      write(vm, 4096, 1);
      disk(vm, 0).flush();
      assertThat(Vm.hasDisks(home)).isTrue();
      assertThatThrownBy(() -> Vm.deleteDisks(store, home))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("in use by another VM");
    }
    collectGarbageAsAnother();
    assertThat(store.layers().numbers()).hasSize(1);
    assertThat(Vm.deleteDisks(store, home)).isEqualTo(1);
    assertThat(Vm.hasDisks(home)).isFalse();
    collectGarbageAsAnother();
    assertThat(store.layers().numbers()).isEmpty();
    assertThat(Vm.deleteDisks(store, home)).isZero();
    try (Vm vm = create(base)) {
      assertThat(read(vm, 4096)).isZero();
    }
  }

  @Test
  void aBaseThatWasMovedOrCopiedServesAndAnotherDiskDoesNot() throws IOException {
    try (Vm vm = create(base)) {
      write(vm, 4096, 1);
      disk(vm, 0).flush();
    }
    Path copy = folder.resolve("copy.raw");
    Files.copy(base, copy, StandardCopyOption.COPY_ATTRIBUTES);
    try (Vm vm = create(copy)) {
      assertThat(read(vm, 4096)).isEqualTo(1);
    }
    Path other = Files.write(folder.resolve("other.raw"), new byte[BYTES]);
    Files.setLastModifiedTime(other, FileTime.from(Instant.EPOCH));
    assertThatThrownBy(() -> create(other))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("continues over " + copy)
        .hasMessageContaining("and not over " + other);
    Files.delete(copy);
    try (Vm vm = create(other)) {
      assertThat(read(vm, 4096)).isEqualTo(1);
    }
  }
}
