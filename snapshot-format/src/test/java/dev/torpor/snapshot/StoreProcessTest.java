package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store between processes, of which some die. */
class StoreProcessTest {
  private static final int KILLS = 6;

  @TempDir private Path folder;

  @Test
  void afterAKillEveryCheckpointReportedDurableIsWholeAndNothingHalfMadeIsListed()
      throws IOException, InterruptedException {
    Random random = new Random(42);
    for (int i = 0; i < KILLS; i++) {
      Path place = folder.resolve("store-" + i);
      List<String> durable = new ArrayList<>();
      try (StoreChild child = StoreChild.start("publish", place)) {
        durable.add(child.line());
        Thread.sleep(random.nextInt(150));
        durable.addAll(child.kill());
      }
      assertWhole(place, durable);
    }
  }

  @Test
  void whatALivingProcessUsesOrWritesIsKeptUntilItDies() throws IOException, InterruptedException {
    try (Store store = Store.open(folder)) {
      UUID uuid;
      int used;
      try (CheckpointHold hold = Checkpoints.full(store, LayerKind.PACKED, 1, "web", "v1")) {
        uuid = hold.manifest().uuid();
        used = hold.manifest().layers().getFirst().number();
      }
      try (StoreChild child = StoreChild.start("hold", folder, uuid.toString())) {
        String[] said = child.line().split(" ", 2);
        assertThat(said[0]).isEqualTo("web");
        assertThat(store.remove(uuid).layers()).isZero();
        assertThat(store.collectGarbage().layers()).isZero();
        assertThat(store.layers().numbers()).containsExactly(used, Integer.parseInt(said[1]));
        child.kill();
      }
      assertThat(store.collectGarbage().layers()).isEqualTo(2);
      assertThat(store.layers().numbers()).isEmpty();
    }
  }

  private static void assertWhole(Path place, List<String> durable) {
    try (Store store = Store.open(place)) {
      store.collectGarbage();
      Listing listing = store.list();
      assertThat(listing.damaged()).isEmpty();
      List<String> listed =
          listing.checkpoints().stream().map(one -> one.uuid().toString()).toList();
      assertThat(listed).startsWith(durable.toArray(String[]::new));
      // One more may have become durable without time to say so.
      assertThat(listed.size()).isLessThanOrEqualTo(durable.size() + 1);
      long[] seeds = new long[(int) Checkpoints.BLOCK_COUNT];
      for (int i = 0; i < listed.size(); i++) {
        seeds[(i + 1) % 64] = i + 1L;
        seeds[(i + 8) % 64] = i + 1L;
        assertContent(store, UUID.fromString(listed.get(i)), seeds);
      }
      assertThat(Arrays.stream(store.layers().numbers())).hasSize(listed.size());
    }
  }

  private static void assertContent(Store store, UUID uuid, long[] seeds) {
    try (CheckpointHold hold = store.hold(uuid)) {
      for (int block = 0; block < seeds.length; block++) {
        assertThat(Checkpoints.read(store, hold.manifest().memory(), block))
            .isEqualTo(
                seeds[block] == 0
                    ? new byte[Blocks.BYTES]
                    : Checkpoints.content(seeds[block], block));
      }
    }
  }
}
