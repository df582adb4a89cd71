package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VerifiedLayersTest {
  @TempDir private Path folder;

  @BeforeEach
  void makeStore() {
    Store.open(folder).close();
  }

  @ParameterizedTest
  @EnumSource
  void whatThisHostPublishedIsNotReadAgain(LayerKind kind) {
    try (Store store = Store.open(folder)) {
      assertThat(verify(store, Checkpoints.full(store, kind, 1, "web", "v1"))).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatComesFromElsewhereIsVerifiedOnce(LayerKind kind) throws IOException {
    try (Store store = Store.open(folder)) {
      CheckpointHold hold = Checkpoints.full(store, kind, 1, "web", "v1");
      forget();
      long expected = kind == LayerKind.FLAT ? Checkpoints.BLOCK_COUNT : 5;
      assertThat(verify(store, hold)).isEqualTo(expected * Blocks.BYTES);
      assertThat(verify(store, hold)).isZero();
    }
  }

  @Test
  void ofAChildOnlyWhatTheParentDoesNotShareIsVerified() throws IOException {
    try (Store store = Store.open(folder)) {
      CheckpointHold parent = Checkpoints.full(store, LayerKind.PACKED, 1, "web", "v1");
      Image image = Image.open(store.layers(), parent.manifest().memory());
      CheckpointHold child =
          Checkpoints.publish(
              store,
              Checkpoints.write(store, image, LayerKind.PACKED, 2, 2, 3),
              Optional.of(parent.manifest().uuid()),
              "web",
              "v2");
      forget();
      // The parent's five blocks, without the one that the child has written, and its own two.
      assertThat(verify(store, child)).isEqualTo(6 * Blocks.BYTES);
      assertThat(verify(store, parent)).isEqualTo(Blocks.BYTES);
      assertThat(verify(store, parent)).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource
  void anyWriteToTheFileMakesTheStampVoidAndDamageIsNamed(LayerKind kind) throws IOException {
    try (Store store = Store.open(folder)) {
      CheckpointHold hold = Checkpoints.full(store, kind, 1, "web", "v1");
      Path layer = Checkpoints.layerOf(store, hold);
      long offset = blockOffset(store, hold, 9) + 100;
      flip(layer, offset);
      assertThatThrownBy(() -> verify(store, hold))
          .isInstanceOfSatisfying(
              SnapshotFormatException.class,
              e -> {
                assertThat(e.file()).isEqualTo(layer);
                assertThat(e.offset()).isEqualTo(offset - 100);
              });
      flip(layer, offset);
      assertThat(verify(store, hold)).isPositive();
      assertThat(verify(store, hold)).isZero();
    }
  }

  @Test
  void aByteInAHoleOfAFlatLayerIsDamageToo() throws IOException {
    try (Store store = Store.open(folder)) {
      CheckpointHold hold = Checkpoints.full(store, LayerKind.FLAT, 1, "web", "v1");
      Path layer = Checkpoints.layerOf(store, hold);
      long offset = blockOffset(store, hold, 9) + Blocks.BYTES;
      flip(layer, offset + 5);
      assertThatThrownBy(() -> verify(store, hold))
          .isInstanceOf(SnapshotFormatException.class)
          .hasMessageContaining(layer.toString())
          .hasMessageContaining("at byte " + offset)
          .hasMessageContaining("zeroes");
    }
  }

  @Test
  void aDamagedStampOnlyCostsAVerification() throws IOException {
    try (Store store = Store.open(folder)) {
      CheckpointHold hold = Checkpoints.full(store, LayerKind.PACKED, 1, "web", "v1");
      try (Stream<Path> stamps = Files.list(folder.resolve("verified"))) {
        for (Path stamp : stamps.toList()) {
          flip(stamp, Files.size(stamp) - 1);
        }
      }
      assertThat(verify(store, hold)).isPositive();
    }
  }

  private static long verify(Store store, CheckpointHold hold) {
    long[] verified = {0};
    store.verifyForMapping(
        Image.open(store.layers(), hold.manifest().memory()), bytes -> verified[0] = bytes);
    return verified[0];
  }

  private static long blockOffset(Store store, CheckpointHold hold, long block) {
    BlockRef ref = new BlockRef();
    Image.open(store.layers(), hold.manifest().memory()).find(block, ref);
    return ref.offset();
  }

  private static void flip(Path path, long offset) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.seek(offset);
      int found = file.read();
      file.seek(offset);
      file.write(found ^ 4);
    }
  }

  private void forget() throws IOException {
    try (Stream<Path> stamps = Files.list(folder.resolve("verified"))) {
      for (Path stamp : stamps.toList()) {
        Files.delete(stamp);
      }
    }
  }
}
