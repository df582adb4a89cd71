package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Damaged files give an error that names the file and the place, never wrong bytes. */
class DamageTest {
  private static final long BLOCK_COUNT = 100;

  @Test
  void everyFlippedBitIsFoundWhereItIs() {
    ImageModel.withLayers(
        layers -> {
          ImageModel model = small(layers);
          Path path = layers.path(1);
          byte[] bytes = bytes(path);
          // A header, two blocks, two leaves and their root.
          assertThat(bytes).hasSize(4096 + 2 * Blocks.BYTES + 3 * MapNode.BYTES);
          for (int at = 0; at < bytes.length; at++) {
            // All bits of a header's fields and of nodes; elsewhere one of each byte.
            boolean all = at < 64 || (at >= 4092 && at < 4096) || at >= 4096 + 2 * Blocks.BYTES;
            for (int bit = all ? 0 : at % 8; bit < 8; bit += all ? 1 : 8) {
              write(path, at, (byte) (bytes[at] ^ (1 << bit)));
              SnapshotFormatException e = damage(layers.directory(), model.image().root());
              assertThat(e.file()).isEqualTo(path);
              assertThat(e.offset()).isBetween(structure(at), structureEnd(at));
              assertThat(e).hasMessageContaining(path + " at byte " + e.offset());
            }
            write(path, at, bytes[at]);
          }
          readAll(layers.directory(), model.image().root());
        });
  }

  private static long structure(int at) {
    return at < 4096 ? 0 : at < 3 * 4096 ? at / 4096 * 4096 : at / 1024 * 1024;
  }

  private static long structureEnd(int at) {
    return at < 4096 ? 4095 : structure(at);
  }

  @Test
  void aFileTruncatedAtAnyLengthIsRefused() {
    ImageModel.withLayers(
        layers -> {
          ImageModel model = small(layers);
          Path path = layers.path(1);
          for (long length = size(path) - 1; length >= 0; length -= length > 5000 ? 7 : 1) {
            truncate(path, length);
            SnapshotFormatException e = damage(layers.directory(), model.image().root());
            assertThat(e.file()).isEqualTo(path);
            assertThat(e.offset()).isEqualTo(length);
          }
        });
  }

  @Test
  void aFileTruncatedAfterItWasOpenedIsNoticedByReadsAndBeforeItIsMapped() {
    ImageModel.withLayers(
        layers -> {
          Image image = small(layers).image();
          byte[] bytes = new byte[Blocks.BYTES];
          image.read(1, MemorySegment.ofArray(bytes));
          image.read(99, MemorySegment.ofArray(bytes));
          image.extents(10);
          truncate(layers.path(1), 4096 + 10);
          assertThatThrownBy(() -> image.read(1, MemorySegment.ofArray(bytes)))
              .isInstanceOf(SnapshotFormatException.class)
              .hasMessageContaining("at byte 4106: expected 4086 more bytes");
          assertThatThrownBy(() -> image.extents(10))
              .isInstanceOf(SnapshotFormatException.class)
              .hasMessageContaining("at byte 4106");
        });
  }

  @Test
  void aMissingLayerIsNamed() {
    ImageModel.withLayers(
        layers -> {
          ImageRoot root = small(layers).image().root();
          delete(layers.path(1));
          assertThat(damage(layers.directory(), root).file()).isEqualTo(layers.path(1));
        });
  }

  @Test
  void referencesThatLeadOutOfTheirLayerAreRefused() {
    ImageModel.withLayers(
        layers -> {
          small(layers);
          refused(layers, 1, 1L << 40, 1);
          refused(layers, 1, Long.MAX_VALUE / 4096 * 4096, 1);
          refused(layers, 4000, 4096, 4000);
        });
  }

  private static void refused(Layers layers, int layer, long offset, int named) {
    BlockChanges changes = new BlockChanges();
    changes.stored(5, layer, 0, offset);
    try (LayerWriter writer = layers.create(LayerKind.PACKED, BLOCK_COUNT)) {
      Image image = Image.empty(layers, BLOCK_COUNT).with(changes, writer);
      writer.finish();
      MemorySegment block = Arena.ofAuto().allocate(Blocks.BYTES);
      for (Runnable use :
          List.<Runnable>of(
              () -> image.read(5, block),
              () -> new BlockReader(image, block).read(5, 1),
              () -> image.extents(10),
              () -> image.verify(new Extent(5, 1, layer, offset)))) {
        SnapshotFormatException e = catchThrowableOfType(SnapshotFormatException.class, use::run);
        assertThat(e.file()).isEqualTo(layers.path(named));
      }
    }
  }

  @Test
  void aNodeWithWildReferencesGivesAnErrorAtWorst() {
    ImageModel.withLayers(
        layers -> {
          // Right checksums, wrong contents: layers 0 to 3, the zero layer, negative ones.
          long[] heads = {0, 1, 2, 3, 0xffff_ffffL, 0x8000_0000L, 1L | 77L << 32};
          long[] offsets = {0, 1, 1024, 4096, 4097, -1, -4096, Long.MIN_VALUE, Long.MAX_VALUE};
          for (long head : heads) {
            for (long offset : offsets) {
              wildRoot(layers, head, offset);
            }
          }
        });
  }

  private static void wildRoot(Layers layers, long head, long offset) {
    ByteBuffer node = ByteBuffer.allocate(MapNode.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    node.putLong(0, head).putLong(8, offset);
    try (LayerWriter writer = layers.create(LayerKind.PACKED, BLOCK_COUNT)) {
      long at = writer.reserve(MapNode.BYTES, MapNode.BYTES);
      writer.write(at, node.duplicate());
      writer.finish();
      int checksum = Checksums.of(MemorySegment.ofBuffer(node), 0, MapNode.BYTES);
      ImageRoot root =
          new ImageRoot(
              BLOCK_COUNT,
              new MapRoot(writer.number(), checksum, at),
              MapRoot.ABSENT,
              List.of(new LayerUse(writer.number(), 0, 1)));
      Image image = Image.open(layers, root);
      boolean absent = (int) head == 0;
      for (Runnable use :
          List.<Runnable>of(
              () -> image.read(0, MemorySegment.ofArray(new byte[4096])),
              () -> image.extents(10),
              () -> image.forEachDifference(Image.empty(layers, BLOCK_COUNT), block -> {}))) {
        if (absent) {
          use.run();
        } else {
          assertThatThrownBy(use::run).isInstanceOf(SnapshotFormatException.class);
        }
      }
    }
    delete(layers.path(layers.numbers()[layers.numbers().length - 1]));
  }

  @Test
  void aSlotThatMustBeAHoleIsVerifiedBeforeItIsMapped() {
    ImageModel.withLayers(
        layers -> {
          Image image;
          try (ImageWriter writer =
              new ImageWriter(layers, Image.empty(layers, 10), LayerKind.FLAT)) {
            ImageModel.put(writer, new long[] {1, 4}, ImageModel.block(1), ImageModel.block(2));
            image = writer.finish();
          }
          Extent extent = image.extents(1).orElseThrow().getFirst();
          image.verify(extent);
          long slot = LayerHeader.FLAT_DATA_OFFSET + 3 * Blocks.BYTES;
          write(layers.path(1), slot + 17, (byte) 1);
          SnapshotFormatException e =
              catchThrowableOfType(SnapshotFormatException.class, () -> image.verify(extent));
          assertThat(e.offset()).isEqualTo(slot);
          write(layers.path(1), slot + 17, (byte) 0);
          write(layers.path(1), slot + Blocks.BYTES, (byte) 1);
          assertThatThrownBy(() -> image.verify(extent))
              .isInstanceOf(SnapshotFormatException.class)
              .hasMessageContaining("block 4 with CRC32C");
        });
  }

  private static ImageModel small(Layers layers) {
    return ImageModel.empty(layers, BLOCK_COUNT)
        .child(
            layers,
            LayerKind.PACKED,
            List.of(
                Map.entry(new long[] {1, 99}, List.of(ImageModel.block(1), ImageModel.block(2)))));
  }

  private static SnapshotFormatException damage(Path directory, ImageRoot root) {
    return catchThrowableOfType(SnapshotFormatException.class, () -> readAll(directory, root));
  }

  private static void readAll(Path directory, ImageRoot root) {
    try (Layers layers = Layers.open(directory);
        Arena arena = Arena.ofConfined()) {
      BlockReader reader =
          new BlockReader(Image.open(layers, root), arena.allocate(Blocks.BYTES, Blocks.BYTES));
      for (long block = 0; block < BLOCK_COUNT; block++) {
        reader.read(block, 1);
      }
    }
  }

  private static byte[] bytes(Path path) {
    try {
      return Files.readAllBytes(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long size(Path path) {
    return path.toFile().length();
  }

  private static void write(Path path, long at, byte value) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.wrap(new byte[] {value}), at);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void truncate(Path path, long length) {
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.truncate(length);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void delete(Path path) {
    try {
      Files.delete(path);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
