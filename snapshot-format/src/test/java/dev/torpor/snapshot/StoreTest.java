package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoreTest {
  @TempDir private Path folder;
  private Store store;

  @BeforeEach
  void openStore() {
    store = Store.open(folder.resolve("new/store"));
  }

  @AfterEach
  void closeStore() {
    store.close();
  }

  @Test
  void aFolderOfSomethingElseIsRefusedAndLeftAlone() throws IOException {
    Path other = Files.createDirectory(folder.resolve("photos"));
    Files.createFile(other.resolve("cat.jpg"));
    assertThatThrownBy(() -> Store.open(other))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("cat.jpg");
    try (Stream<Path> left = Files.list(other)) {
      assertThat(left).containsExactly(other.resolve("cat.jpg"));
    }
    assertThatThrownBy(() -> Store.open(other.resolve("cat.jpg")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("not a folder");
  }

  @Test
  void aStoreOfAnotherVersionIsRefusedByItsNumber() throws IOException {
    Path format = store.directory().resolve("format");
    assertThat(format).hasContent("torpor-store 1\n");
    Files.writeString(format, "torpor-store 2\n");
    assertThatThrownBy(() -> Store.open(store.directory()))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("expected version 1, found \"torpor-store 2\"");
  }

  @Test
  void whatIsPublishedIsFoundAndReadByAnotherProcess() {
    Manifest published = full(1, "web", "v1").manifest();
    try (Store other = Store.open(store.directory());
        CheckpointHold hold = other.hold(other.find("web/v1").uuid())) {
      assertThat(hold.manifest()).isEqualTo(published);
      assertThat(Checkpoints.read(other, hold.manifest().memory(), 9))
          .isEqualTo(Checkpoints.content(1, 9));
    }
  }

  @Test
  void layersAreDurableBeforeTheManifestIsThere() {
    Image empty = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
    Checkpoints.Written written = Checkpoints.write(store, empty, LayerKind.PACKED, 1, 3);
    Manifest manifest = Checkpoints.manifest(store, written.image(), Optional.empty(), "web", "v1");
    boolean[] synced = {false};
    Store.Durable durable =
        () -> {
          assertThat(store.list().checkpoints()).isEmpty();
          written.writer().sync();
          synced[0] = true;
        };
    assertThat(store.publish(manifest, List.of(durable)).manifest().uuid())
        .isEqualTo(manifest.uuid());
    assertThat(synced[0]).isTrue();
    assertThat(store.list().checkpoints()).hasSize(1);
  }

  @Test
  void aCheckpointWhoseLayersCannotBeSyncedDoesNotExist() {
    Image empty = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
    Checkpoints.Written written = Checkpoints.write(store, empty, LayerKind.PACKED, 1, 3);
    Manifest manifest = Checkpoints.manifest(store, written.image(), Optional.empty(), "web", "v1");
    Store.Durable failing =
        () -> {
          throw new UncheckedIOException(new IOException("no space left"));
        };
    assertThatThrownBy(() -> store.publish(manifest, List.of(failing)))
        .hasMessageContaining("no space left");
    assertThat(store.list().checkpoints()).isEmpty();
    assertThat(
            store.directory().resolve("leases").toFile().list((_, name) -> name.endsWith(".tmp")))
        .isEmpty();
    // Its layer is still the writer's, who may try again.
    assertThat(store.collectGarbage().layers()).isZero();
    store.publish(manifest, List.of(written.writer()::sync));
    assertThat(store.list().checkpoints()).hasSize(1);
    assertThatThrownBy(() -> store.publish(manifest, List.of()))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anInterruptedThreadPublishesAllTheSameAndStaysInterrupted() {
    Thread.currentThread().interrupt();
    try {
      full(1, "web", "v1").close();
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
    } finally {
      Thread.interrupted();
    }
    assertThat(store.list().checkpoints()).hasSize(1);
    // The lease survived, so what is being written stays.
    Image empty = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
    Checkpoints.Written written = Checkpoints.write(store, empty, LayerKind.PACKED, 1, 3);
    try (Store other = Store.open(store.directory())) {
      assertThat(other.collectGarbage().layers()).isZero();
    }
    assertThat(Files.exists(store.layers().path(written.writer().layer()))).isTrue();
  }

  @Test
  void aChildIsNewerThanItsParentEvenIfTheClockRanBackwards() {
    Summary parent = full(1, "web", "v1").manifest().summary();
    Manifest child = full(2, "tmp", "").manifest();
    Summary early =
        new Summary(
            UUID.randomUUID(),
            Optional.of(parent.uuid()),
            "web",
            "v2",
            Instant.now().minus(Duration.ofDays(1)),
            child.summary().metrics());
    Manifest manifest =
        new Manifest(early, child.memory(), List.of(), child.machineState(), child.layers());
    store.publish(manifest, List.of());
    assertThat(store.find("web").label()).isEqualTo("v2");
  }

  @Test
  void aDamagedManifestIsListedAsDamagedAndKeepsAllLayers() throws IOException {
    UUID damaged = full(1, "web", "v1").manifest().uuid();
    CheckpointHold doomed = full(2, "web", "v2");
    doomed.close();
    Path manifest = store.directory().resolve("manifests/" + damaged + ".manifest");
    byte[] bytes = Files.readAllBytes(manifest);
    bytes[40] ^= 1;
    Files.write(manifest, bytes);

    Listing listing = store.list();
    assertThat(listing.checkpoints()).extracting(Summary::label).containsExactly("v2");
    assertThat(listing.damaged())
        .extracting(SnapshotFormatException::file)
        .containsExactly(manifest);
    assertThatThrownBy(() -> store.hold(damaged)).isInstanceOf(SnapshotFormatException.class);
    Garbage garbage = store.remove(doomed.manifest().uuid());
    assertThat(garbage.layers()).isZero();
    assertThat(garbage.damaged()).hasSize(1);

    store.remove(damaged);
    assertThat(store.list().damaged()).isEmpty();
  }

  @Test
  void aChildStaysReadableWithoutItsParent() {
    CheckpointHold parent = full(1, "web", "v1");
    Image image = Image.open(store.layers(), parent.manifest().memory());
    CheckpointHold child =
        Checkpoints.publish(
            store,
            Checkpoints.write(store, image, LayerKind.PACKED, 2, 2, 40),
            Optional.of(parent.manifest().uuid()),
            "web",
            "v2");
    UUID uuid = child.manifest().uuid();
    parent.close();
    child.close();
    assertThat(store.remove(parent.manifest().uuid()).layers()).isZero();
    try (Store other = Store.open(store.directory());
        CheckpointHold hold = other.hold(uuid)) {
      ImageRoot memory = hold.manifest().memory();
      assertThat(Checkpoints.read(other, memory, 1)).isEqualTo(Checkpoints.content(1, 1));
      assertThat(Checkpoints.read(other, memory, 2)).isEqualTo(Checkpoints.content(2, 2));
    }
    Garbage garbage = store.remove(uuid);
    assertThat(garbage.layers()).isEqualTo(2);
    assertThat(store.layers().numbers()).isEmpty();
  }

  @Test
  void severalAreRemovedTogetherOrNone() {
    List<UUID> uuids = new ArrayList<>();
    for (int seed = 1; seed <= 3; seed++) {
      CheckpointHold hold = full(seed, "web", "v" + seed);
      uuids.add(hold.manifest().uuid());
      hold.close();
    }
    UUID unknown = UUID.randomUUID();
    assertThatThrownBy(() -> store.removeAll(List.of(uuids.get(0), unknown)))
        .isInstanceOf(UnknownCheckpointException.class)
        .hasMessageContaining(unknown.toString());
    assertThat(store.list().checkpoints()).hasSize(3);
    assertThat(store.removeAll(uuids.subList(1, 3)).layers()).isEqualTo(2);
    assertThat(store.list().checkpoints()).extracting(Summary::label).containsExactly("v1");
    assertThat(store.removeAll(List.of()).layers()).isZero();
  }

  @Test
  void layersAreKeptUntilTheLastWhoSharesAHoldHasClosedIt() {
    CheckpointHold first = full(1, "web", "v1");
    CheckpointHold second = first.another();
    CheckpointHold third = second.another();
    first.close();
    first.close();
    assertThatThrownBy(first::another)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("is not held any more");
    assertThat(store.remove(first.manifest().uuid()).layers()).isZero();
    third.close();
    assertThat(store.collectGarbage().layers()).isZero();
    second.close();
    assertThat(store.collectGarbage().layers()).isEqualTo(1);
  }

  @Test
  void aHeldCheckpointKeepsItsLayersWhenItIsRemoved() {
    UUID uuid;
    try (CheckpointHold published = full(1, "web", "v1")) {
      uuid = published.manifest().uuid();
    }
    try (Store other = Store.open(store.directory())) {
      CheckpointHold hold = store.hold(uuid);
      assertThat(other.remove(uuid).layers()).isZero();
      assertThat(Checkpoints.read(store, hold.manifest().memory(), 33))
          .isEqualTo(Checkpoints.content(1, 33));
      assertThatThrownBy(() -> store.hold(uuid)).isInstanceOf(UnknownCheckpointException.class);
      hold.close();
      hold.close();
      assertThat(other.collectGarbage().layers()).isEqualTo(1);
    }
  }

  @Test
  void aLayerIsKeptFromItsCreationUntilItIsForgotten() {
    Image empty = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
    Checkpoints.Written written = Checkpoints.write(store, empty, LayerKind.PACKED, 1, 3);
    try (Store other = Store.open(store.directory())) {
      assertThat(other.collectGarbage().layers()).isZero();
      store.forget(written.writer().layer());
      assertThat(other.collectGarbage().layers()).isEqualTo(1);
    }
  }

  @Test
  void aPinKeepsALayerBeyondTheStoreThatCreatedIt() {
    UUID disk = UUID.randomUUID();
    int layer;
    try (Store other = Store.open(store.directory())) {
      layer = other.layers().create(LayerKind.PACKED, 8).number();
      other.pin(disk, List.of(layer));
    }
    assertThat(store.collectGarbage().layers()).isZero();
    assertThat(store.layers().numbers()).containsExactly(layer);
    store.pin(disk, List.of());
    assertThat(store.collectGarbage().layers()).isEqualTo(1);
  }

  @Test
  void aMissingOrTruncatedLayerIsToldBeforeAnythingIsUsed() throws IOException {
    CheckpointHold hold = full(1, "web", "v1");
    Path layer = Checkpoints.layerOf(store, hold);
    byte[] bytes = Files.readAllBytes(layer);
    Files.write(layer, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    assertThatThrownBy(() -> store.hold(hold.manifest().uuid()))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining(layer.toString())
        .hasMessageContaining("at byte " + (bytes.length - 1));
    Files.delete(layer);
    assertThatThrownBy(() -> store.hold(hold.manifest().uuid()))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("no file");
  }

  @Test
  void whatADeadProcessLeftIsRemovedAndALivingOnesIsNot() throws IOException {
    Path leases = store.directory().resolve("leases");
    UUID dead = UUID.randomUUID();
    Files.write(leases.resolve(dead + ".lease"), new byte[] {1, 0, 0, 0, 9});
    Files.createFile(leases.resolve(dead + "-1.tmp"));
    try (Store living = Store.open(store.directory())) {
      assertThat(living.directory()).isEqualTo(store.directory());
      store.collectGarbage();
      try (Stream<Path> left = Files.list(leases)) {
        assertThat(left.map(file -> file.getFileName().toString()))
            .hasSize(2)
            .noneMatch(name -> name.startsWith(dead.toString()));
      }
    }
  }

  @Test
  void aNumberIsNotUsedAgain() {
    UUID uuid;
    int first;
    try (CheckpointHold hold = full(1, "web", "v1")) {
      uuid = hold.manifest().uuid();
      first = hold.manifest().layers().getFirst().number();
    }
    store.remove(uuid);
    try (Store other = Store.open(store.directory())) {
      assertThat(other.layers().create(LayerKind.PACKED, 8).number()).isGreaterThan(first);
    }
  }

  private CheckpointHold full(long seed, String vmName, String label) {
    return Checkpoints.full(store, LayerKind.PACKED, seed, vmName, label);
  }
}
