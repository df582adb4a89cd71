package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.ManifestLayer;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.checkpoint.CheckpointException;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints that a machine must not enter: it stays what it was, and loses nothing. */
@KvmTest
@Timeout(value = 300, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class CheckpointDamageTest {
  private static final int STEP = 509;
  private static final long GPA = CheckpointRig.FREE_GPA;

  @TempDir private Path folder;
  private CheckpointRig rig;
  private UUID start;
  private UUID target;
  private byte[] targetContents;

  /** A checkpoint, and one that follows it with a few pages and blocks more. */
  @BeforeEach
  void takeTwo() throws IOException, InterruptedException {
    rig = new CheckpointRig(folder);
    try (Vm vm = rig.paused()) {
      CheckpointRig.writeDisk(vm, 1, 1);
      start = vm.checkpoint("start").awaitDurable().uuid();
      for (int i = 0; i < 3; i++) {
        vm.memory().writeLong(GPA + 4096L * i, i + 1);
        CheckpointRig.writeDisk(vm, 4 + i, i + 1);
      }
      target = vm.checkpoint("target").awaitDurable().uuid();
      targetContents = CheckpointRig.contents(vm);
    }
  }

  @AfterEach
  void close() {
    rig.close();
  }

  /** The layers that only the target has. */
  private List<Path> layersOfTarget() {
    Manifest first = rig.store.read(start);
    List<ManifestLayer> own = new ArrayList<>(rig.store.read(target).layers());
    own.removeAll(first.layers());
    return own.stream().map(layer -> rig.store.layers().path(layer.number())).toList();
  }

  private static void flip(Path file, long at) throws IOException {
    try (RandomAccessFile bytes = new RandomAccessFile(file.toFile(), "rw")) {
      bytes.seek(at);
      int value = bytes.read();
      bytes.seek(at);
      bytes.write(value ^ 0x10);
    }
  }

  @Test
  void aFlippedBitAnywhereInALayerIsRefusedOrHarmless() throws Exception {
    List<Path> layers = layersOfTarget();
    assertThat(layers).hasSize(2);
    for (Path layer : layers) {
      int refused = 0;
      for (long at = 0; at < Files.size(layer); at += STEP) {
        flip(layer, at);
        refused += isRefusedUnharmed("flip of byte %d of %s".formatted(at, layer)) ? 1 : 0;
        flip(layer, at);
      }
      assertThat(refused).as("refusals of %s", layer).isPositive();
    }
    assertThat(isRefusedUnharmed("repaired")).isFalse();
  }

  /** Tries to enter the target, as a process would that has read none of it yet. */
  private boolean isRefusedUnharmed(String when) throws Exception {
    try (CheckpointRig fresh = new CheckpointRig(folder);
        Vm vm = fresh.restore(start, MemorySource.PAGED)) {
      vm.memory().writeLong(GPA + 4096, 77);
      vm.memory().writeLong(GPA + 4096 * 9, 78);
      CheckpointRig.writeDisk(vm, 5, 79);
      byte[] before = CheckpointRig.contents(vm);
      try {
        vm.revertTo(target);
      } catch (CheckpointException e) {
        assertThat(e).as(when).hasMessageContaining("stays as it is");
        assertThat(CheckpointRig.contents(vm)).as(when).isEqualTo(before);
        UUID after = vm.checkpoint("after").awaitDurable().uuid();
        try (Vm same = fresh.restore(after, MemorySource.PAGED)) {
          assertThat(CheckpointRig.contents(same)).as(when).isEqualTo(before);
        }
        fresh.store.remove(after);
        return true;
      }
      return isRefusedByTheDisk(vm, when);
    }
  }

  /** Blocks of disks are verified when they are read: it is the reader who learns of damage. */
  private boolean isRefusedByTheDisk(Vm vm, String when) {
    byte[] found;
    try {
      found = CheckpointRig.contents(vm);
    } catch (SnapshotFormatException e) {
      return true;
    }
    assertThat(found).as(when).isEqualTo(targetContents);
    return false;
  }

  @Test
  void aFlippedBitIsFoundBeforeALayerIsMapped() throws Exception {
    int number = rig.store.read(target).memory().layers().getLast().layer();
    Path layer = rig.store.layers().path(number);
    long inFirstBlock = 4096 + 5;
    flip(layer, inFirstBlock);
    try (CheckpointRig fresh = new CheckpointRig(folder)) {
      assertThatThrownBy(() -> fresh.restore(target, MemorySource.MAPPED).close())
          .isInstanceOf(SnapshotFormatException.class)
          .hasMessageContaining(layer.getFileName().toString());
    }
  }

  @Test
  void aLayerThatIsGoneOrTooShortIsNamed() throws Exception {
    for (Path layer : layersOfTarget()) {
      byte[] whole = Files.readAllBytes(layer);
      Files.write(layer, Arrays.copyOf(whole, whole.length / 2));
      assertThat(isRefusedUnharmed("cut")).isTrue();
      Files.delete(layer);
      assertThat(isRefusedUnharmed("deleted")).isTrue();
      try (CheckpointRig fresh = new CheckpointRig(folder)) {
        assertThatThrownBy(() -> fresh.restore(target, MemorySource.PAGED).close())
            .isInstanceOf(SnapshotFormatException.class)
            .hasMessageContaining(layer.getFileName().toString());
      }
      Files.write(layer, whole);
    }
    assertThat(isRefusedUnharmed("repaired")).isFalse();
  }

  @Test
  void aDamagedManifestIsRefused() throws Exception {
    Path found;
    try (Stream<Path> files = Files.list(folder.resolve("store/manifests"))) {
      found =
          files.filter(file -> file.toString().contains(target.toString())).findAny().orElseThrow();
    }
    for (long at = 0; at < Files.size(found); at += 1 + Files.size(found) / 20) {
      flip(found, at);
      assertThat(isRefusedUnharmed("flip of byte %d of the manifest".formatted(at))).isTrue();
      flip(found, at);
    }
  }

  @Test
  void aCheckpointOfAMachineThatIsBuiltOtherwiseIsRefused() throws Exception {
    try (Vm other = Vm.create(rig.config(2).build());
        Vm larger = Vm.create(rig.config(1).memory(16L << 20).build())) {
      for (Vm vm : List.of(other, larger)) {
        CheckpointRig.runFor(vm, 1);
        byte[] before = CheckpointRig.contents(vm);
        assertThatThrownBy(() -> vm.revertTo(target))
            .isInstanceOf(CheckpointException.class)
            .hasMessageContaining("VM 'parent' stays as it is");
        assertThat(CheckpointRig.contents(vm)).isEqualTo(before);
        UUID after = vm.checkpoint("after").awaitDurable().uuid();
        try (Vm same = rig.restore(after, MemorySource.MAPPED)) {
          assertThat(CheckpointRig.contents(same)).isEqualTo(before);
        }
        CheckpointRig.runFor(vm, 1);
      }
    }
  }
}
