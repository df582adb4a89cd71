package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LayersTest {
  private static final MemorySegment BLOCK = MemorySegment.ofArray(ImageModel.block(7));

  @TempDir Path directory;

  @Test
  void layersAreNumberedFromOneAndSurviveInTheirFiles() {
    try (Layers layers = Layers.open(directory)) {
      assertThat(finishedLayer(layers)).isEqualTo(1);
      assertThat(finishedLayer(layers)).isEqualTo(2);
      assertThat(layers.path(2)).hasFileName("00000002.layer").exists();
    }
    try (Layers layers = Layers.open(directory)) {
      Layer layer = layers.layer(2);
      assertThat(layer.number()).isEqualTo(2);
      assertThat(layer.kind()).isEqualTo(LayerKind.PACKED);
      assertThat(layer.imageBlockCount()).isEqualTo(10);
      assertThat(layer.dataOffset()).isEqualTo(4096);
      assertThat(layer.byteCount()).isEqualTo(8192).isEqualTo(layer.path().toFile().length());
      assertThat(layer.uuid()).isNotEqualTo(layers.layer(1).uuid());
      assertThat(layers.layer(2)).isSameAs(layer);
      MemorySegment read = MemorySegment.ofArray(new byte[Blocks.BYTES]);
      layer.read(4096, read);
      assertThat(read.mismatch(BLOCK)).isEqualTo(-1);
      assertThat(finishedLayer(layers)).isEqualTo(3);
      assertThat(layers.numbers()).containsExactly(1, 2, 3);
    }
  }

  @Test
  void numbersOfDeletedLayersAreNotUsedAgain() {
    try (Layers layers = Layers.open(directory)) {
      finishedLayer(layers);
      finishedLayer(layers);
      finishedLayer(layers);
      layers.delete(List.of(2));
      layers.delete(List.of(3));
      layers.delete(List.of(3));
    }
    try (Layers layers = Layers.open(directory)) {
      assertThat(layers.numbers()).containsExactly(1);
      assertThat(finishedLayer(layers)).isEqualTo(4);
      layers.delete(List.of(4));
      assertThat(finishedLayer(Layers.open(directory))).isEqualTo(5);
      // Marks of deleted layers go once they are not needed.
      layers.delete(List.of(1));
      assertThat(directory.toFile().list()).containsExactly("00000005.layer");
    }
  }

  @Test
  void aNumberThatAnotherProcessUsedAndDeletedMeanwhileIsNotUsedAgain() {
    try (Layers here = Layers.open(directory);
        Layers elsewhere = Layers.open(directory)) {
      assertThat(finishedLayer(here)).isEqualTo(1);
      assertThat(finishedLayer(elsewhere)).isEqualTo(2);
      assertThat(finishedLayer(elsewhere)).isEqualTo(3);
      elsewhere.delete(List.of(2));
      elsewhere.delete(List.of(3));
      assertThat(finishedLayer(here)).isEqualTo(4);
      assertThat(here.numbers()).containsExactly(1, 4);
      assertThat(finishedLayer(elsewhere)).isEqualTo(5);
    }
  }

  @Test
  void processesThatCreateLayersAtOnceGetDifferentNumbers() throws InterruptedException {
    Set<Integer> numbers = ConcurrentHashMap.newKeySet();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      // Each with its own view of the directory, as another process has.
      Layers layers = Layers.open(directory);
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int n = 0; n < 25; n++) {
                      numbers.add(finishedLayer(layers));
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(numbers).hasSize(100);
  }

  @Test
  void anUnfinishedLayerIsKnownForWhatItIsAndCanBeGoneOnWith() {
    Layers layers = Layers.open(directory);
    LayerWriter crashed = layers.create(LayerKind.PACKED, 10);
    assertThat(crashed.append(BLOCK)).isEqualTo(4096);
    assertThatThrownBy(() -> layers.layer(1))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("still being written");
    try (LayerWriter writer = Layers.open(directory).resume(1)) {
      assertThat(writer.append(BLOCK)).isEqualTo(8192);
      assertThat(writer.uuid()).isEqualTo(crashed.uuid());
      writer.finish();
    }
    assertThat(layers.layer(1).byteCount()).isEqualTo(4096 + 2 * Blocks.BYTES);
    assertThatThrownBy(() -> layers.resume(1))
        .isInstanceOf(SnapshotFormatException.class)
        .hasMessageContaining("finished");
  }

  @Test
  void aLayerThatIsNotFinishedIsGoneWhenItsWriterCloses() {
    try (Layers layers = Layers.open(directory);
        LayerWriter writer = layers.create(LayerKind.FLAT, 10)) {
      writer.put(9, BLOCK);
    }
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void aFinishedLayerTakesNothingMore() {
    try (Layers layers = Layers.open(directory);
        LayerWriter writer = layers.create(LayerKind.PACKED, 10)) {
      assertThatThrownBy(() -> writer.put(1, BLOCK)).hasMessageContaining("not flat");
      long offset = writer.reserve(3 * Blocks.BYTES);
      assertThatThrownBy(() -> writer.write(offset + 2 * Blocks.BYTES + 1, BLOCK))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> writer.write(0, BLOCK))
          .isInstanceOf(IndexOutOfBoundsException.class);
      writer.write(offset + Blocks.BYTES, BLOCK);
      writer.finish();
      writer.sync();
      assertThatThrownBy(() -> writer.append(BLOCK)).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> writer.write(offset, BLOCK))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
      MemorySegment read = MemorySegment.ofArray(new byte[3 * Blocks.BYTES]);
      layers.layer(1).read(offset, read);
      assertThat(read.asSlice(Blocks.BYTES, Blocks.BYTES).mismatch(BLOCK)).isEqualTo(-1);
      assertThat(Blocks.isZero(read, 0)).isTrue();
      assertThat(Blocks.isZero(read, 2 * Blocks.BYTES)).isTrue();
    }
  }

  @Test
  void aWriterReadsBackWhatItHasWrittenAndZeroesWhereItHasNot() {
    try (Layers layers = Layers.open(directory);
        LayerWriter writer = layers.create(LayerKind.PACKED, 10)) {
      long offset = writer.append(BLOCK);
      writer.reserve(Blocks.BYTES);
      MemorySegment read = MemorySegment.ofArray(new byte[2 * Blocks.BYTES]);
      read.fill((byte) 9);
      writer.read(offset, read);
      assertThat(read.asSlice(0, Blocks.BYTES).mismatch(BLOCK)).isEqualTo(-1);
      assertThat(Blocks.isZero(read, Blocks.BYTES)).isTrue();
    }
  }

  @Test
  void aFileOfAnotherNumberIsRefused() throws IOException {
    try (Layers layers = Layers.open(directory)) {
      finishedLayer(layers);
      Files.copy(layers.path(1), layers.path(2));
      assertThatThrownBy(() -> layers.layer(2))
          .isInstanceOf(SnapshotFormatException.class)
          .hasMessageContaining("expected layer number 2, found 1");
    }
  }

  @Test
  void manyLayersAreReadWithFewFilesOpen() throws IOException {
    try (Layers layers = Layers.open(directory)) {
      for (int i = 0; i < 400; i++) {
        finishedLayer(layers);
      }
      byte[] bytes = new byte[1];
      for (int round = 0; round < 2; round++) {
        for (int number = 1; number <= 400; number++) {
          layers.layer(number).read(5000, MemorySegment.ofArray(bytes));
          assertThat(bytes[0]).isEqualTo(BLOCK.get(ValueLayout.JAVA_BYTE, 5000 - 4096));
        }
        assertThat(openFiles()).isBetween(200L, 256L);
      }
    }
    assertThat(openFiles()).isZero();
  }

  private long openFiles() throws IOException {
    Path real = directory.toRealPath();
    try (Stream<Path> files = Files.list(Path.of("/proc/self/fd"))) {
      return files.filter(file -> target(file).startsWith(real)).count();
    }
  }

  private static Path target(Path link) {
    try {
      return Files.readSymbolicLink(link);
    } catch (IOException e) {
      // Closed since it was listed.
      return Path.of("");
    }
  }

  private static int finishedLayer(Layers layers) {
    try (LayerWriter writer = layers.create(LayerKind.PACKED, 10)) {
      writer.append(BLOCK);
      writer.finish();
      return writer.number();
    }
  }
}
