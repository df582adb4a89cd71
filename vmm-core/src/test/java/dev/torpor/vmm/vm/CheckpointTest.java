package dev.torpor.vmm.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.ManifestLayer;
import dev.torpor.testing.KvmTest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.checkpoint.CheckpointException;
import dev.torpor.vmm.checkpoint.CheckpointListener;
import dev.torpor.vmm.checkpoint.CheckpointStage;
import dev.torpor.vmm.checkpoint.MemorySource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is promised to who takes checkpoints, and goes back to them. */
@KvmTest
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
@SuppressWarnings({"try", "NonAtomicVolatileUpdate"}) // some are closed early; one thread counts
class CheckpointTest {
  private static final long GPA = CheckpointRig.FREE_GPA;

  @TempDir private Path folder;
  private CheckpointRig rig;

  @BeforeEach
  void openStore() throws IOException {
    rig = new CheckpointRig(folder);
  }

  @AfterEach
  void closeStore() {
    rig.close();
  }

  /** Cancels what reaches a stage, as often as it is told to. */
  private static final class Canceller implements CheckpointListener {
    private final CheckpointStage stage;
    private volatile int left = 1;

    Canceller(CheckpointStage stage) {
      this.stage = stage;
    }

    @Override
    public void reached(Checkpoint checkpoint) {
      if (left > 0 && checkpoint.stage() == stage) {
        left--;
        checkpoint.cancel();
      }
    }
  }

  private long restoredWord(UUID checkpoint, long gpa) {
    try (Vm vm = rig.restore(checkpoint, MemorySource.PAGED)) {
      return vm.memory().readLong(gpa);
    }
  }

  @Test
  @SuppressWarnings("try") // closed early
  void severalInFlightGoThroughTheStagesInTheirOrder() throws InterruptedException {
    Map<UUID, List<CheckpointStage>> stages = new ConcurrentHashMap<>();
    List<UUID> durable = new CopyOnWriteArrayList<>();
    CheckpointListener listener =
        checkpoint -> {
          stages
              .computeIfAbsent(checkpoint.uuid(), _ -> new CopyOnWriteArrayList<>())
              .add(checkpoint.stage());
          if (checkpoint.stage() == CheckpointStage.DURABLE) {
            durable.add(checkpoint.uuid());
          }
        };
    try (Vm vm = Vm.create(rig.config(2).checkpointListener(listener).build())) {
      vm.start();
      List<Checkpoint> taken = new ArrayList<>();
      for (int i = 0; i < 6; i++) {
        taken.add(vm.checkpoint("v" + i));
      }
      taken.getLast().awaitDurable();
      List<UUID> order = taken.stream().map(Checkpoint::uuid).toList();
      for (int i = 0; i < taken.size(); i++) {
        Checkpoint one = taken.get(i);
        assertThat(one.stage()).isEqualTo(CheckpointStage.DURABLE);
        assertThat(one.parent())
            .isEqualTo(i == 0 ? Optional.empty() : Optional.of(order.get(i - 1)));
        assertThat(one.pause()).isPositive();
        assertThat(one.durableAfter()).isPositive();
        assertThat(rig.store.read(one.uuid()).summary().label()).isEqualTo("v" + i);
      }
      vm.close(); // the listener has heard all
      assertThat(durable).isEqualTo(order);
      assertThat(stages.values())
          .hasSize(6)
          .allSatisfy(
              seen ->
                  assertThat(seen)
                      .containsExactly(
                          CheckpointStage.CAPTURED,
                          CheckpointStage.WRITTEN,
                          CheckpointStage.DURABLE));
    }
  }

  /** Blocks and maps are all that a layer has behind its header. */
  @Test
  void storedBytesAreWhatTheStoreGrewBy() throws InterruptedException {
    try (Vm vm = Vm.create(rig.config(1).build())) {
      List<ManifestLayer> before = rig.store.read(vm.checkpoint("").awaitDurable().uuid()).layers();
      vm.memory().writeLong(GPA, 1);
      vm.memory().writeLong(CheckpointRig.MEMORY_BYTES - 8, 1);
      CheckpointRig.writeDisk(vm, 3, 1);
      Checkpoint checkpoint = vm.checkpoint("").awaitDurable();
      List<ManifestLayer> added = new ArrayList<>(rig.store.read(checkpoint.uuid()).layers());
      added.removeAll(before);
      assertThat(added).hasSize(2); // the memory's and the disk's
      long bytes = added.stream().mapToLong(layer -> layer.byteCount() - Blocks.BYTES).sum();
      assertThat(bytes).isGreaterThan(3 * Blocks.BYTES);
      assertThat(checkpoint.storedBytes()).isEqualTo(bytes);
      assertThat(rig.store.read(checkpoint.uuid()).summary().metrics().storedBytes())
          .isEqualTo(bytes);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"CAPTURED", "WRITTEN"})
  void whatACancelledCheckpointHeldIsInTheNextOne(CheckpointStage when)
      throws InterruptedException {
    try (Vm vm = Vm.create(rig.config(1).checkpointListener(new Canceller(when)).build())) {
      vm.memory().writeLong(GPA, 1);
      CheckpointRig.writeDisk(vm, 3, 1);
      Checkpoint cancelled = vm.checkpoint("never");
      assertThatThrownBy(cancelled::awaitDurable)
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("'never'");
      assertThat(cancelled.stage()).isEqualTo(CheckpointStage.FAILED);
      assertThat(cancelled.failure()).containsInstanceOf(CancellationException.class);
      vm.memory().writeLong(GPA + 8192, 2);
      Checkpoint next = vm.checkpoint("next").awaitDurable();
      assertThat(next.parent()).isEmpty();
      assertThat(rig.store.list().checkpoints()).hasSize(1);
      try (Vm restored = rig.restore(next.uuid(), MemorySource.MAPPED)) {
        assertThat(CheckpointRig.contents(restored)).isEqualTo(CheckpointRig.contents(vm));
      }
    }
  }

  @Test
  void whatFollowsAFailedCheckpointFailsTooAndTheNextIsComplete()
      throws IOException, InterruptedException {
    Path manifests = folder.resolve("store/manifests");
    Path aside = folder.resolve("aside");
    try (Vm vm = rig.paused()) {
      Files.move(manifests, aside);
      vm.memory().writeLong(GPA, 1);
      Checkpoint first = vm.checkpoint("a");
      vm.memory().writeLong(GPA + 4096, 2);
      Checkpoint second = vm.checkpoint("b");
      assertThatThrownBy(first::awaitDurable).isInstanceOf(CheckpointException.class);
      assertThatThrownBy(second::awaitDurable).isInstanceOf(CheckpointException.class);
      Files.move(aside, manifests);
      requireComplete(vm);
    }
  }

  @Test
  void aCancelledCheckpointTakesNoOtherAlong() throws InterruptedException {
    try (Vm vm = rig.paused()) {
      for (int i = 0; i < 30; i++) {
        vm.memory().writeLong(GPA, i);
        Checkpoint cancelled = vm.checkpoint("perhaps");
        cancelled.cancel();
        vm.memory().writeLong(GPA + 4096, i);
        UUID next = vm.checkpoint("surely").awaitDurable().uuid();
        assertThat(restoredWord(next, GPA)).isEqualTo(i);
        assertThat(restoredWord(next, GPA + 4096)).isEqualTo(i);
      }
    }
  }

  @Test
  void theReasonOfAFailureIsTold() throws InterruptedException {
    Canceller canceller = new Canceller(CheckpointStage.CAPTURED);
    try (Vm vm = Vm.create(rig.config(1).checkpointListener(canceller).build())) {
      assertThatThrownBy(() -> vm.checkpoint("v1").awaitDurable())
          .hasMessage("checkpoint 'v1' of VM 'parent' was not stored: cancelled");
    }
  }

  @Test
  void aListenerThatFailsHarmsNothing() throws InterruptedException {
    CheckpointListener failing =
        _ -> {
          throw new IllegalStateException("not my day");
        };
    try (Vm vm = Vm.create(rig.config(1).checkpointListener(failing).build())) {
      vm.memory().writeLong(GPA, 1);
      vm.checkpoint("a").awaitDurable();
      vm.memory().writeLong(GPA + 4096, 2);
      UUID second = vm.checkpoint("b").awaitDurable().uuid();
      assertThat(restoredWord(second, GPA)).isEqualTo(1);
      assertThat(restoredWord(second, GPA + 4096)).isEqualTo(2);
    }
  }

  @Test
  void aCheckpointThatCannotBePublishedFailsWithItsCauseAndTheNextIsComplete()
      throws IOException, InterruptedException {
    Path manifests = folder.resolve("store/manifests");
    Path aside = folder.resolve("aside");
    try (Vm vm = rig.paused()) {
      vm.checkpoint("good").awaitDurable();
      vm.memory().writeLong(GPA, 3);
      Files.move(manifests, aside);
      Checkpoint failed = vm.checkpoint("bad");
      assertThatThrownBy(failed::awaitDurable)
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("'bad'");
      assertThat(failed.stage()).isEqualTo(CheckpointStage.FAILED);
      assertThat(failed.failure()).isPresent();
      CheckpointRig.runFor(vm, 1);
      Files.move(aside, manifests);
      requireComplete(vm);
    }
  }

  @Test
  void aCheckpointThatCannotBeginIsRefusedAndTheNextIsComplete()
      throws IOException, InterruptedException {
    Path layers = folder.resolve("store/layers");
    Path aside = folder.resolve("aside");
    try (Vm vm = rig.paused()) {
      vm.checkpoint("good").awaitDurable();
      vm.memory().writeLong(GPA, 3);
      Files.move(layers, aside);
      assertThatThrownBy(() -> vm.checkpoint("bad"))
          .isInstanceOf(CheckpointException.class)
          .hasMessageContaining("'bad' of VM 'parent' could not be taken");
      CheckpointRig.runFor(vm, 1);
      Files.move(aside, layers);
      requireComplete(vm);
    }
  }

  /** What was dirty before whatever went wrong must be in the next checkpoint. */
  private void requireComplete(Vm vm) throws InterruptedException {
    Checkpoint next = vm.checkpoint("next").awaitDurable();
    try (Vm restored = rig.restore(next.uuid(), MemorySource.PAGED)) {
      assertThat(CheckpointRig.contents(restored)).isEqualTo(CheckpointRig.contents(vm));
      CheckpointRig.runFor(restored, 1);
    }
  }

  @Test
  void aPausedVmStaysPausedAndOneThatHasNotBegunStaysSo() throws InterruptedException {
    try (Vm vm = Vm.create(rig.config(2).build())) {
      Checkpoint before = vm.checkpoint("before").awaitDurable();
      assertThat(before.pause()).isEqualTo(Duration.ZERO);
      assertThat(vm.state()).isEqualTo(VmState.CREATED);
      try (Vm same = rig.restore(before.uuid(), MemorySource.MAPPED)) {
        assertThat(CheckpointRig.contents(same)).isEqualTo(CheckpointRig.contents(vm));
        CheckpointRig.runFor(same, 1);
      }
      CheckpointRig.runFor(vm, 1);
      byte[] standing = CheckpointRig.contents(vm);
      Checkpoint paused = vm.checkpoint("paused").awaitDurable();
      assertThat(vm.state()).isEqualTo(VmState.PAUSED);
      vm.revertTo(before);
      assertThat(vm.state()).isEqualTo(VmState.PAUSED);
      assertThat(vm.parentCheckpoint()).contains(before.uuid());
      vm.revertTo(paused);
      assertThat(CheckpointRig.contents(vm)).isEqualTo(standing);
      vm.resume();
      vm.revertTo(before);
      assertThat(vm.state()).isEqualTo(VmState.RUNNING);
      assertThat(vm.doorbell().orElseThrow().awaitProgress(16, Duration.ofSeconds(30))).isTrue();
    }
  }

  /** Some of them are kept from the first revert on, some are read each time. */
  @Test
  void morePagesThanAreKeptAreAllTakenBack() throws InterruptedException {
    int pages = 6_000;
    VmConfig large = rig.config(1).memory((pages + 2_000L) * Blocks.BYTES).build();
    try (Vm vm = Vm.create(large)) {
      long first = GPA + (1 << 20);
      for (long i = 0; i < pages; i++) {
        vm.memory().writeLong(first + i * Blocks.BYTES, i + 1);
      }
      Checkpoint checkpoint = vm.checkpoint("").awaitDurable();
      byte[] then = CheckpointRig.contents(vm);
      for (int round = 0; round < 3; round++) {
        for (long i = 0; i < pages; i++) {
          vm.memory().writeLong(first + i * Blocks.BYTES + 8, i + round);
        }
        vm.revertTo(checkpoint);
        assertThat(CheckpointRig.contents(vm)).isEqualTo(then);
      }
    }
  }

  @Test
  void childrenSeeNeitherTheParentsWritesNorEachOthers() throws InterruptedException {
    try (Vm parent = rig.paused()) {
      parent.memory().writeLong(GPA, 1);
      CheckpointRig.writeDisk(parent, 2, 1);
      byte[] instant = CheckpointRig.contents(parent);
      List<Vm> children =
          parent.fork(
              List.of(
                  RestoreConfig.named("a").memorySource(MemorySource.MAPPED).build(),
                  RestoreConfig.named("b").memorySource(MemorySource.PAGED).build()));
      try (Vm a = children.getFirst();
          Vm b = children.getLast()) {
        parent.memory().writeLong(GPA, 2);
        CheckpointRig.writeDisk(parent, 2, 2);
        a.memory().writeLong(GPA, 3);
        CheckpointRig.writeDisk(a, 2, 3);
        assertThat(CheckpointRig.contents(b)).isEqualTo(instant);
        for (Vm one : List.of(parent, a, b)) {
          CheckpointRig.runFor(one, 2);
        }
        assertThat(parent.memory().readLong(GPA)).isEqualTo(2);
        assertThat(a.memory().readLong(GPA)).isEqualTo(3);
        assertThat(b.memory().readLong(GPA)).isEqualTo(1);
        assertThat(CheckpointRig.readDisk(parent, 2)).isEqualTo(2);
        assertThat(CheckpointRig.readDisk(a, 2)).isEqualTo(3);
        assertThat(CheckpointRig.readDisk(b, 2)).isEqualTo(1);
        assertThat(a.parentCheckpoint()).isEqualTo(b.parentCheckpoint());
        UUID ofChild = a.checkpoint("of a child").awaitDurable().uuid();
        assertThat(restoredWord(ofChild, GPA)).isEqualTo(3);
      }
    }
  }

  @Test
  void whatHasEndedIsNeitherCheckpointedNorRevertedNorForked() throws InterruptedException {
    try (Vm vm = rig.paused()) {
      Checkpoint checkpoint = vm.checkpoint("v1").awaitDurable();
      vm.stop();
      String refusal = "checkpoint of VM 'parent': it is stopped";
      assertThatThrownBy(() -> vm.checkpoint("v2"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining(refusal);
      assertThatThrownBy(() -> vm.revertTo(checkpoint))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining(refusal);
      assertThatThrownBy(() -> vm.fork("child"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining(refusal);
    }
  }

  @Test
  void aVmWithoutAStoreSaysSo() throws InterruptedException {
    VmConfig config = VmConfig.boot(rig.config(1).build().guest()).memory(8L << 20).build();
    try (Vm vm = Vm.create(config)) {
      assertThatThrownBy(() -> vm.checkpoint("v1"))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("without a store");
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"MAPPED", "PAGED"})
  @SuppressWarnings("try") // closed early
  void aRestoredVmNeedsNothingOfACheckpointThatIsRemoved(MemorySource source)
      throws InterruptedException {
    try (Vm vm = rig.paused()) {
      vm.checkpoint("base").awaitDurable();
      CheckpointRig.runFor(vm, 2);
      Checkpoint second = vm.checkpoint("second").awaitDurable();
      byte[] instant = CheckpointRig.contents(vm);
      try (Vm restored = rig.restore(second.uuid(), source)) {
        for (long gpa = 0x60_0000; gpa < CheckpointRig.MEMORY_BYTES; gpa += 4096) {
          restored.memory().writeLong(gpa, gpa);
        }
        restored.checkpoint("third").awaitDurable();
        vm.close();
        for (var one : rig.store.list().checkpoints()) {
          rig.store.remove(one.uuid());
        }
        byte[] now = CheckpointRig.contents(restored);
        for (int gpa = 0x60_0000; gpa < CheckpointRig.MEMORY_BYTES; gpa += 4096) {
          System.arraycopy(now, gpa, instant, gpa, Long.BYTES);
        }
        assertThat(now).isEqualTo(instant);
        CheckpointRig.runFor(restored, 2);
      }
    }
  }

  @Test
  void aChildThatIsClosedBeforeItsParentIsStoredHoldsNothing() throws InterruptedException {
    try (Vm vm = rig.paused()) {
      for (int i = 0; i < 20; i++) {
        vm.memory().writeLong(GPA + 4096L * i, i);
        vm.fork("child").close();
      }
      vm.checkpoint("last").awaitDurable();
    }
    for (var one : rig.store.list().checkpoints()) {
      rig.store.remove(one.uuid());
    }
    assertThat(rig.store.layers().numbers()).isEmpty();
  }
}
