package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store that version 1 of the format wrote, committed: it must load for ever. The main method
 * wrote it; it is never written again, only joined by those of later versions.
 */
class GoldenStoreTest {
  private static final UUID FIRST = UUID.fromString("11111111-2222-4333-8444-555555555555");
  private static final UUID SECOND = UUID.fromString("66666666-7777-4888-9999-aaaaaaaaaaaa");
  private static final WorkingSet PAGES =
      new WorkingSet(List.of(new WorkingSet.Run(33, 1), new WorkingSet.Run(0, 3)));

  @TempDir private Path folder;

  @Test
  void aStoreOfVersion1StillLoads() throws IOException, URISyntaxException {
    copyGolden();
    try (Store store = Store.open(folder)) {
      assertThat(store.list().damaged()).isEmpty();
      assertThat(store.find("golden").uuid()).isEqualTo(SECOND);
      assertThat(store.find("golden/first").uuid()).isEqualTo(FIRST);
      try (CheckpointHold hold = store.hold(SECOND)) {
        Manifest manifest = hold.manifest();
        assertThat(manifest.summary()).isEqualTo(summary(SECOND, Optional.of(FIRST), "second", 2));
        assertContent(store, manifest.memory(), 1, 0, 1, 9, 33);
        assertContent(store, manifest.memory(), 2, 2, 63);
        assertContent(store, manifest.disks().getFirst().image(), 3, 5);
        assertThat(manifest.disks().getFirst().basePath()).isEqualTo(Path.of("/images/base.raw"));
        assertThat(manifest.machineState().fields().string(2, 20)).isEqualTo("golden state");
        store.verifyForMapping(Image.open(store.layers(), manifest.memory()), bytes -> {});
      }
      assertThat(store.readWorkingSet(FIRST)).contains(PAGES);
      assertThat(store.collectGarbage().layers()).isZero();
    }
  }

  @Test
  void itsManifestsAreWrittenAgainAsTheSameBytes() throws IOException, URISyntaxException {
    copyGolden();
    for (UUID uuid : List.of(FIRST, SECOND)) {
      Path manifest = folder.resolve("manifests/" + uuid + ".manifest");
      assertThat(ManifestCodec.encode(ManifestCodec.read(manifest)))
          .isEqualTo(Files.readAllBytes(manifest));
    }
  }

  private static void assertContent(Store store, ImageRoot root, long seed, long... blocks) {
    for (long block : blocks) {
      assertThat(Checkpoints.read(store, root, block)).isEqualTo(Checkpoints.content(seed, block));
    }
  }

  private void copyGolden() throws IOException, URISyntaxException {
    Path golden = Path.of(GoldenStoreTest.class.getResource("/golden-store-1").toURI());
    try (Stream<Path> files = Files.walk(golden)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        Path copy = folder.resolve(golden.relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
  }

  private static Summary summary(UUID uuid, Optional<UUID> parent, String label, long second) {
    return new Summary(
        uuid,
        parent,
        "golden",
        label,
        Instant.ofEpochSecond(1_800_000_000 + second, 5),
        new Summary.Metrics(300_000, 5, 20_480, 9_000_000));
  }

  /**
   * Writes the store.
   *
   * @param arguments the folder
   */
  public static void main(String[] arguments) {
    try (Store store = Store.open(Path.of(arguments[0]))) {
      Image empty = Image.empty(store.layers(), Checkpoints.BLOCK_COUNT);
      Checkpoints.Written first =
          Checkpoints.write(store, empty, LayerKind.PACKED, 1, 0, 1, 2, 9, 33);
      publish(store, summary(FIRST, Optional.empty(), "first", 1), first, List.of());
      Checkpoints.Written disk = Checkpoints.write(store, empty, LayerKind.PACKED, 3, 5);
      disk.writer().sync();
      Checkpoints.Written second =
          Checkpoints.write(store, first.image(), LayerKind.PACKED, 2, 2, 63);
      publish(
          store,
          summary(SECOND, Optional.of(FIRST), "second", 2),
          second,
          List.of(
              new DiskImage(
                  "root", Path.of("/images/base.raw"), 262_144, 7, false, disk.image().root())));
      store.writeWorkingSet(FIRST, PAGES);
    }
  }

  private static void publish(
      Store store, Summary summary, Checkpoints.Written written, List<DiskImage> disks) {
    written.writer().sync();
    Manifest manifest =
        Manifest.of(
            store.layers(),
            summary,
            written.image().root(),
            disks,
            Checkpoints.state("golden state"));
    // By hand, as the store would add to the metrics.
    try {
      WholeFile.write(
          store.directory().resolve("new"),
          store.directory().resolve("manifests/" + summary.uuid() + ".manifest"),
          ManifestCodec.encode(manifest));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
