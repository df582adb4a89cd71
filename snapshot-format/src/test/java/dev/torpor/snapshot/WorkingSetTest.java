package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WorkingSetTest {
  private static final WorkingSet PAGES =
      new WorkingSet(
          List.of(
              new WorkingSet.Run(900, 3),
              new WorkingSet.Run(0, 1),
              new WorkingSet.Run(Image.MAX_BLOCK_COUNT - 2, 2)));

  @TempDir private Path folder;
  private Store store;
  private UUID uuid;

  @BeforeEach
  void publish() {
    store = Store.open(folder);
    uuid = Checkpoints.full(store, LayerKind.PACKED, 1, "web", "").manifest().uuid();
  }

  @AfterEach
  void close() {
    store.close();
  }

  @Test
  void theSetIsReadInTheOrderInWhichItWasWritten() {
    assertThat(store.readWorkingSet(uuid)).isEmpty();
    store.writeWorkingSet(uuid, new WorkingSet(List.of()));
    store.writeWorkingSet(uuid, PAGES);
    assertThat(store.readWorkingSet(uuid)).contains(PAGES);
    assertThat(PAGES.pageCount()).isEqualTo(6);
  }

  @Test
  void itGoesWithItsCheckpoint() throws IOException {
    store.writeWorkingSet(uuid, PAGES);
    store.remove(uuid);
    assertThat(Files.exists(file())).isFalse();
  }

  @Test
  void everyFlippedBitAndEveryTruncationIsDetected() throws IOException {
    store.writeWorkingSet(uuid, PAGES);
    byte[] bytes = Files.readAllBytes(file());
    for (int bit = 0; bit < bytes.length * 8; bit++) {
      byte[] altered = bytes.clone();
      altered[bit / 8] ^= (byte) (1 << (bit % 8));
      assertRefused(altered);
    }
    for (int length = 0; length < bytes.length; length++) {
      assertRefused(Arrays.copyOf(bytes, length));
    }
  }

  @Test
  void theSetOfAnotherCheckpointIsRefused() throws IOException {
    store.writeWorkingSet(uuid, PAGES);
    UUID other = UUID.randomUUID();
    Files.copy(file(), file().resolveSibling(other + ".pages"));
    assertThatThrownBy(() -> store.readWorkingSet(other))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining(uuid.toString());
  }

  @Test
  void runsThatOverlapOrLieInNoImageAreRefused() {
    assertThatThrownBy(
            () -> new WorkingSet(List.of(new WorkingSet.Run(5, 3), new WorkingSet.Run(7, 1))))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new WorkingSet.Run(0, 0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new WorkingSet.Run(-1, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new WorkingSet.Run(Image.MAX_BLOCK_COUNT, 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private void assertRefused(byte[] content) throws IOException {
    Files.write(file(), content);
    assertThatThrownBy(() -> store.readWorkingSet(uuid))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining(file().toString());
  }

  private Path file() {
    return folder.resolve("working-sets/" + uuid + ".pages");
  }
}
