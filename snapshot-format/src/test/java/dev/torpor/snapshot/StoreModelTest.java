package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Several users of one store do random things; a map in memory says what must come of it. */
class StoreModelTest {
  private static final int OPERATIONS = 60;

  private final Random random = new Random();
  private Path folder;
  private final List<User> users = new ArrayList<>();
  // What each checkpoint's blocks were written with; 0 is never written. In order of publication.
  private final Map<UUID, long[]> model = new LinkedHashMap<>();
  private final Map<UUID, Set<Integer>> layers = new HashMap<>();
  private long seed;

  /** One process, as far as the store knows. */
  private static final class User {
    private Store store;
    private final List<CheckpointHold> holds = new ArrayList<>();
    private final Map<UUID, long[]> held = new HashMap<>();
    private final Set<Integer> writing = new TreeSet<>();
  }

  @Property(tries = 12)
  void theStoreHoldsWhatTheModelHolds(@ForAll long randomSeed) throws IOException {
    random.setSeed(randomSeed);
    folder = Files.createTempDirectory("torpor-model");
    try {
      for (int i = 0; i < 3; i++) {
        users.add(opened());
      }
      for (int i = 0; i < OPERATIONS; i++) {
        step(users.get(random.nextInt(users.size())));
      }
      check();
    } finally {
      users.forEach(user -> user.store.close());
      users.clear();
      model.clear();
      layers.clear();
      delete();
    }
  }

  private void step(User user) {
    switch (random.nextInt(9)) {
      case 0, 1, 2 -> publish(user);
      case 3 -> hold(user);
      case 4 -> releaseOne(user);
      case 5 -> remove(user);
      case 6 -> write(user);
      case 7 -> collect(user);
      default -> check();
    }
    if (random.nextInt(20) == 0) {
      restart(user);
    }
  }

  private void publish(User user) {
    Optional<UUID> parent = any();
    Image image =
        parent
            .map(uuid -> Image.open(user.store.layers(), user.store.read(uuid).memory()))
            .orElseGet(() -> Image.empty(user.store.layers(), Checkpoints.BLOCK_COUNT));
    long[] seeds = parent.map(uuid -> model.get(uuid).clone()).orElseGet(() -> new long[64]);
    seed++;
    long[] blocks = random.longs(1 + random.nextInt(4), 0, 64).distinct().toArray();
    for (long block : blocks) {
      seeds[(int) block] = seed;
    }
    Checkpoints.Written written =
        Checkpoints.write(user.store, image, LayerKind.PACKED, seed, blocks);
    CheckpointHold hold = Checkpoints.publish(user.store, written, parent, "vm", "s" + seed);
    UUID uuid = hold.manifest().uuid();
    model.put(uuid, seeds);
    layers.put(uuid, Set.copyOf(hold.manifest().layerNumbers()));
    keep(user, hold, seeds);
  }

  private void hold(User user) {
    any().ifPresent(uuid -> keep(user, user.store.hold(uuid), model.get(uuid)));
  }

  private static void keep(User user, CheckpointHold hold, long[] seeds) {
    user.holds.add(hold);
    user.held.put(hold.manifest().uuid(), seeds);
  }

  private void releaseOne(User user) {
    if (!user.holds.isEmpty()) {
      user.holds.remove(random.nextInt(user.holds.size())).close();
    }
  }

  private void remove(User user) {
    List<UUID> some = new ArrayList<>(model.keySet());
    Collections.shuffle(some, random);
    List<UUID> removed = some.subList(0, Math.min(some.size(), 1 + random.nextInt(3)));
    user.store.removeAll(removed);
    model.keySet().removeAll(removed);
    for (UUID uuid : removed) {
      assertThatThrownBy(() -> user.store.read(uuid))
          .isInstanceOf(UnknownCheckpointException.class);
    }
    checkLayers(user);
  }

  private void write(User user) {
    user.writing.add(user.store.layers().create(LayerKind.PACKED, 64).number());
  }

  private void collect(User user) {
    user.store.collectGarbage();
    checkLayers(user);
  }

  /** What the process used may go from now on. */
  private void restart(User user) {
    user.store.close();
    user.holds.clear();
    user.writing.clear();
    user.store = Store.open(folder);
  }

  /** Just those layers are left that a checkpoint, a hold or a writer needs. */
  private void checkLayers(User user) {
    Set<Integer> needed = new TreeSet<>();
    model.keySet().forEach(uuid -> needed.addAll(layers.get(uuid)));
    for (User one : users) {
      needed.addAll(one.writing);
      one.holds.forEach(hold -> needed.addAll(layers.get(hold.manifest().uuid())));
    }
    assertThat(user.store.layers().numbers())
        .containsExactly(needed.stream().mapToInt(number -> number).toArray());
  }

  private void check() {
    for (User user : users) {
      assertThat(user.store.list().checkpoints())
          .extracting(Summary::uuid)
          .containsExactlyInAnyOrderElementsOf(model.keySet());
      assertThat(user.store.list().checkpoints())
          .isSortedAccordingTo(Comparator.comparing(Summary::created));
      model.forEach(
          (uuid, seeds) -> assertContent(user.store, user.store.read(uuid).memory(), seeds));
      for (CheckpointHold hold : user.holds) {
        assertContent(user.store, hold.manifest().memory(), user.held.get(hold.manifest().uuid()));
      }
    }
  }

  private static void assertContent(Store store, ImageRoot memory, long[] seeds) {
    for (int block = 0; block < seeds.length; block += 3) {
      assertThat(Checkpoints.read(store, memory, block))
          .isEqualTo(
              seeds[block] == 0
                  ? new byte[Blocks.BYTES]
                  : Checkpoints.content(seeds[block], block));
    }
  }

  private Optional<UUID> any() {
    return model.isEmpty()
        ? Optional.empty()
        : model.keySet().stream().skip(random.nextInt(model.size())).findFirst();
  }

  private User opened() {
    User user = new User();
    user.store = Store.open(folder);
    return user;
  }

  private void delete() throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }
}
