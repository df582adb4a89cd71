package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Opening checkpoints and writing new ones, while others remove what they can. */
class StoreRaceTest {
  private static final int ROUNDS = 150;

  @TempDir private Path folder;

  @Test
  void aHoldThatWasGrantedKeepsEveryBlockHoweverSoonTheCheckpointGoes()
      throws InterruptedException, ExecutionException {
    AtomicReference<UUID> newest = new AtomicReference<>();
    AtomicBoolean done = new AtomicBoolean();
    try (Store user = Store.open(folder);
        Store remover = Store.open(folder);
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      Future<Integer> held = threads.submit(() -> holdUntil(done, user, newest));
      Future<?> collecting =
          threads.submit(
              () -> {
                while (!done.get()) {
                  remover.collectGarbage();
                }
              });
      try {
        publishAndRemove(remover, newest);
      } finally {
        done.set(true);
      }
      assertThat(held.get()).isPositive();
      collecting.get();
      remover.collectGarbage();
      assertThat(remover.layers().numbers()).isEmpty();
    }
  }

  private static void publishAndRemove(Store store, AtomicReference<UUID> newest) {
    for (long seed = 1; seed <= ROUNDS; seed++) {
      Image empty = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
      Checkpoints.Written written =
          Checkpoints.write(store, empty, LayerKind.PACKED, 1, 0, 1, 2, 9, 33);
      UUID uuid;
      try (CheckpointHold hold =
          store.publish(
              Checkpoints.manifest(
                  store, written.image(), java.util.Optional.empty(), "web", "v" + seed),
              List.of(written.writer()::sync))) {
        uuid = hold.manifest().uuid();
        newest.set(uuid);
      }
      written.writer().close();
      store.remove(uuid);
    }
  }

  /** Any other error than that a checkpoint is gone fails the test. */
  private static int holdUntil(AtomicBoolean done, Store store, AtomicReference<UUID> newest) {
    int held = 0;
    while (!done.get()) {
      UUID uuid = newest.get();
      if (uuid == null) {
        Thread.onSpinWait();
        continue;
      }
      try (CheckpointHold hold = store.hold(uuid)) {
        for (long block : new long[] {0, 1, 2, 9, 33}) {
          assertThat(Checkpoints.read(store, hold.manifest().memory(), block))
              .isEqualTo(Checkpoints.content(1, block));
        }
        held++;
      } catch (UnknownCheckpointException e) {
        Thread.onSpinWait(); // removed before it was ours
      }
    }
    return held;
  }
}
