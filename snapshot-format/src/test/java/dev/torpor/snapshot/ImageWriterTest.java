package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ImageWriterTest {
  private static final byte[] A = ImageModel.block(1);
  private static final byte[] B = ImageModel.block(2);
  private static final byte[] ZERO = ImageModel.ZERO;

  @Test
  void aFlatSlotThatEndsAsZeroReadsAsZeroInTheFile() {
    ImageModel.withLayers(
        layers -> {
          Image image;
          try (ImageWriter writer = writer(layers, LayerKind.FLAT)) {
            ImageModel.put(writer, new long[] {0, 1, 2}, A, A, A);
            ImageModel.put(writer, new long[] {1}, ZERO);
            // Also when the zeroes follow in the same batch, before anything was written.
            ImageModel.put(writer, new long[] {5, 6, 6, 7}, B, B, ZERO, B);
            image = writer.finish();
          }
          assertThat(image.extents(1).orElseThrow())
              .containsExactly(new Extent(0, 100, 1, LayerHeader.FLAT_DATA_OFFSET));
          for (long hole : new long[] {1, 3, 6}) {
            assertThat(slot(layers, LayerHeader.FLAT_DATA_OFFSET, hole)).isEqualTo(ZERO);
          }
          assertThat(slot(layers, LayerHeader.FLAT_DATA_OFFSET, 7)).isEqualTo(B);
        });
  }

  @Test
  void blocksAndNodesThatNeedSeveralWritesAreAllThere() {
    int count = 2 * LayerWriter.WRITE_BYTES / MapNode.BYTES + 100;
    long[] blocks = new long[count];
    for (int i = 0; i < count; i++) {
      blocks[i] = (long) (count - i) * MapNode.FAN_OUT; // each has a leaf of its own
    }
    MemorySegment contents = MemorySegment.ofArray(new byte[count * Blocks.BYTES]);
    for (int i = 0; i < count; i++) {
      contents.asSlice((long) i * Blocks.BYTES, Blocks.BYTES).fill((byte) (i % 255 + 1));
    }
    ImageModel.withLayers(
        layers -> {
          Image empty = Image.empty(layers, (count + 1L) * MapNode.FAN_OUT);
          Image image;
          try (ImageWriter writer = new ImageWriter(layers, empty, LayerKind.PACKED)) {
            writer.put(blocks, count, contents);
            image = writer.finish();
          }
          try (Layers cold = Layers.open(layers.directory())) {
            Image reread = Image.open(cold, image.root());
            MemorySegment block = MemorySegment.ofArray(new byte[Blocks.BYTES]);
            for (int i = 0; i < count; i++) {
              assertThat(reread.read(blocks[i], block)).isTrue();
              long at = (long) i * Blocks.BYTES;
              assertThat(block.mismatch(contents.asSlice(at, Blocks.BYTES))).isEqualTo(-1);
            }
          }
        });
  }

  @Test
  void hintsAreToldOfEachPieceBeforeAndAfterItIsThere() {
    int count = 2 * LayerWriter.WRITE_BYTES / Blocks.BYTES + 10;
    long[] blocks = new long[count];
    Arrays.setAll(blocks, i -> (long) i * MapNode.FAN_OUT); // each has a leaf of its own
    MemorySegment contents = MemorySegment.ofArray(new byte[count * Blocks.BYTES]);
    contents.fill((byte) 1);
    ImageModel.withLayers(
        layers -> {
          Image empty = Image.empty(layers, (long) count * MapNode.FAN_OUT);
          AppendedPieces pieces = new AppendedPieces(layers.path(1));
          try (ImageWriter writer = new ImageWriter(layers, empty, LayerKind.PACKED)) {
            writer.tell(
                path -> {
                  assertThat(path).isEqualTo(pieces.path);
                  return pieces;
                });
            writer.put(blocks, count, contents);
            writer.finish();
            assertThat(pieces.end).as("all but the header").isEqualTo(pieces.fileBytes());
            assertThat(pieces.largest).isEqualTo(LayerWriter.WRITE_BYTES);
            assertThat(pieces.closed).isZero();
          }
          assertThat(pieces.closed).isOne();
        });
  }

  /** Is told the truth: the file ends where a piece begins before it, and where it ends after. */
  private static final class AppendedPieces implements WriteHints {
    final Path path;
    long end = LayerHeader.BYTES;
    long largest;
    long announced;
    int closed;

    AppendedPieces(Path path) {
      this.path = path;
    }

    long fileBytes() {
      return path.toFile().length();
    }

    @Override
    public void before(long offset, long byteCount) {
      assertThat(offset).isEqualTo(end).isEqualTo(fileBytes());
      announced = byteCount;
    }

    @Override
    public void after(long offset, long byteCount) {
      assertThat(offset).isEqualTo(end);
      assertThat(byteCount).isEqualTo(announced);
      end += byteCount;
      largest = Math.max(largest, byteCount);
      assertThat(fileBytes()).isEqualTo(end);
    }

    @Override
    public void close() {
      closed++;
    }
  }

  @Test
  void aBlockPutAgainTakesItsOldSlotAndAZeroOneLeavesItToTheNext() {
    ImageModel.withLayers(
        layers -> {
          try (ImageWriter writer = writer(layers, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {10, 20}, A, A);
            ImageModel.put(writer, new long[] {10}, B);
            ImageModel.put(writer, new long[] {10, 30}, ZERO, B);
            Image image = writer.finish();
            assertThat(slot(layers, 4096, 0)).isEqualTo(B);
            assertThat(slot(layers, 4096, 1)).isEqualTo(A);
            assertThat(image.layersInUse()).containsExactly(new LayerUse(1, 2, 2));
          }
        });
  }

  @Test
  void whatEqualsTheParentIsNotStoredAndWhatComesBackToItIsForgotten() {
    ImageModel.withLayers(
        layers -> {
          Image parent;
          try (ImageWriter writer = writer(layers, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {1, 2}, A, B);
            parent = writer.finish();
          }
          try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {1, 2, 3}, A, A, A);
            ImageModel.put(writer, new long[] {2}, B);
            Image child = writer.finish();
            assertThat(child.layersInUse()).contains(new LayerUse(2, 1, 2));
            List<Long> differences = new ArrayList<>();
            child.forEachDifference(parent, differences::add);
            assertThat(differences).containsExactly(3L);
          }
        });
  }

  @Test
  void aBlockWithTheParentsChecksumButOtherBytesIsStored() {
    ImageModel.withLayers(
        layers -> {
          // Lie about the checksum of what is stored: only a comparison of the bytes can tell.
          Image parent;
          try (LayerWriter liar = layers.create(LayerKind.PACKED, 100)) {
            BlockChanges changes = new BlockChanges();
            int checksum = Checksums.of(MemorySegment.ofArray(A), 0, Blocks.BYTES);
            changes.stored(4, liar.number(), checksum, liar.append(MemorySegment.ofArray(B)));
            parent = Image.empty(layers, 100).with(changes, liar);
            liar.finish();
          }
          try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {4}, A);
            byte[] read = new byte[Blocks.BYTES];
            writer.finish().read(4, MemorySegment.ofArray(read));
            assertThat(read).isEqualTo(A);
          }
        });
  }

  @Test
  void zeroOverTheParentsBlockMakesItAbsentAndALayerWithoutReferencesLeavesTheTable() {
    ImageModel.withLayers(
        layers -> {
          Image parent;
          try (ImageWriter writer = writer(layers, LayerKind.FLAT)) {
            ImageModel.put(writer, new long[] {1, 70}, A, B);
            parent = writer.finish();
            assertThat(parent.root().flatMap()).isEqualTo(parent.root().map());
          }
          try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {1, 70}, ZERO, ZERO);
            Image child = writer.finish();
            assertThat(child.root()).isEqualTo(Image.empty(layers, 100).root());
          }
        });
  }

  @Test
  void aWriterThatIsClosedUnfinishedLeavesNothing() {
    ImageModel.withLayers(
        layers -> {
          ImageWriter writer = writer(layers, LayerKind.FLAT);
          ImageModel.put(writer, new long[] {1}, A);
          writer.close();
          assertThat(layers.numbers()).isEmpty();
          assertThatThrownBy(() -> ImageModel.put(writer, new long[] {1}, A))
              .isInstanceOf(IllegalStateException.class);
        });
  }

  @Test
  void misuseIsRefusedBeforeAnythingIsWritten() {
    ImageModel.withLayers(
        layers -> {
          try (ImageWriter writer = writer(layers, LayerKind.PACKED)) {
            assertThatThrownBy(() -> ImageModel.put(writer, new long[] {1, 100}, A, A))
                .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(() -> writer.put(new long[] {1, 2}, 2, MemorySegment.ofArray(A)))
                .isInstanceOf(IndexOutOfBoundsException.class);
            assertThatThrownBy(writer::sync).isInstanceOf(IllegalStateException.class);
            ImageModel.put(writer, new long[] {1}, A);
            Image image = writer.finish();
            assertThat(image.layersInUse()).containsExactly(new LayerUse(1, 1, 2));
            assertThatThrownBy(writer::finish).isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(() -> new ImageWriter(layers, image, LayerKind.FLAT))
                .isInstanceOf(IllegalArgumentException.class);
            writer.sync();
          }
        });
  }

  @Test
  void explicitZeroesOfADiskHideItsBase() {
    ImageModel.withLayers(
        layers -> {
          try (LayerWriter writer = layers.create(LayerKind.PACKED, 100)) {
            BlockChanges changes = new BlockChanges();
            changes.zero(3);
            Image image = Image.empty(layers, 100).with(changes, writer);
            BlockChanges back = new BlockChanges();
            back.absent(3);
            writer.finish();
            assertThat(image.layersInUse()).containsExactly(new LayerUse(1, 0, 2));
            byte[] read = new byte[Blocks.BYTES];
            assertThat(image.read(3, MemorySegment.ofArray(read))).isTrue();
            assertThat(read).isEqualTo(ZERO);
            assertThat(image.read(4, MemorySegment.ofArray(read))).isFalse();
            assertThat(image.extents(0).orElseThrow()).isEmpty();
            try (LayerWriter second = layers.create(LayerKind.PACKED, 100)) {
              assertThat(image.with(back, second).layersInUse()).isEmpty();
            }
          }
        });
  }

  @Test
  void changesMustAscendAndBeInsideTheImage() {
    ImageModel.withLayers(
        layers -> {
          BlockChanges changes = new BlockChanges();
          changes.absent(7);
          assertThatThrownBy(() -> changes.zero(7)).isInstanceOf(IllegalArgumentException.class);
          assertThatThrownBy(() -> changes.stored(8, 1, 0, 4097))
              .isInstanceOf(IllegalArgumentException.class);
          changes.absent(100);
          assertThat(changes.count()).isEqualTo(2);
          try (LayerWriter writer = layers.create(LayerKind.PACKED, 100)) {
            assertThatThrownBy(() -> Image.empty(layers, 100).with(changes, writer))
                .isInstanceOf(IndexOutOfBoundsException.class);
          }
        });
  }

  private static ImageWriter writer(Layers layers, LayerKind kind) {
    return new ImageWriter(layers, Image.empty(layers, 100), kind);
  }

  private static byte[] slot(Layers layers, long dataOffset, long slot) {
    byte[] bytes = new byte[Blocks.BYTES];
    layers.layer(1).read(dataOffset + slot * Blocks.BYTES, MemorySegment.ofArray(bytes));
    return bytes;
  }
}
