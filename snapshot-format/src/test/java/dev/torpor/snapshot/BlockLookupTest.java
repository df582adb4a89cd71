package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.UniqueElements;
import org.junit.jupiter.api.Test;

class BlockLookupTest {
  private static final int BLOCKS = 64 * 64 * 3;

  @Property(tries = 50)
  void whatIsFoundByTheBatchIsWhatIsFoundOneByOne(
      @ForAll @LongRange(min = 1, max = BLOCKS) long blockCount,
      @ForAll @Size(max = 40) @UniqueElements List<@LongRange(max = BLOCKS - 1) Long> stored,
      @ForAll @Size(min = 1, max = 20) List<@LongRange(max = BLOCKS - 1) Long> wanted) {
    ImageModel.withLayers(
        layers -> {
          Image image = image(layers, blockCount, stored);
          // Not ascending, and mostly blocks that are there.
          List<Long> any = new ArrayList<>(stored);
          any.addAll(wanted);
          Collections.shuffle(any, new Random(stored.hashCode()));
          long[] blocks = any.stream().mapToLong(block -> block % blockCount).toArray();
          requireSame(image, blocks);
          try (Layers cold = Layers.open(layers.directory())) {
            requireSame(Image.open(cold, image.root()), blocks);
          }
        });
  }

  private static Image image(Layers layers, long blockCount, List<Long> stored) {
    try (LayerWriter writer = layers.create(LayerKind.PACKED, blockCount)) {
      BlockChanges changes = new BlockChanges();
      for (long block : new TreeSet<>(stored.stream().map(block -> block % blockCount).toList())) {
        changes.stored(block, 1000, (int) block + 1, LayerHeader.BYTES * (block + 1));
      }
      Image image = Image.empty(layers, blockCount).with(changes, writer);
      writer.finish();
      return image;
    }
  }

  private static void requireSame(Image image, long[] blocks) {
    BlockLookup lookup = new BlockLookup(image);
    BlockRef expected = new BlockRef();
    for (int first = 0; first < blocks.length; first += 7) {
      int count = Math.min(7, blocks.length - first);
      lookup.find(blocks, first, count);
      for (int i = 0; i < count; i++) {
        image.find(blocks[first + i], expected);
        BlockRef found = new BlockRef();
        found.set(lookup.head(i), lookup.offset(i));
        assertThat(found).hasToString(expected.toString());
      }
    }
  }

  @Test
  void aDamagedLeafIsNotBelieved() {
    ImageModel.withLayers(
        layers -> {
          Image image = image(layers, BLOCKS, LongStream.range(0, 100).boxed().toList());
          damage(layers.path(1), LayerHeader.BYTES);
          try (Layers cold = Layers.open(layers.directory())) {
            BlockLookup lookup = new BlockLookup(Image.open(cold, image.root()));
            assertThatThrownBy(() -> lookup.find(new long[] {0}, 0, 1))
                .isInstanceOf(SnapshotFormatException.class)
                .hasMessageContaining("a map node with CRC32C");
          }
        });
  }

  @Test
  void aReferenceWithAnotherChecksumIsNotBelievedThoughItsNodeIsAtHand() {
    ImageModel.withLayers(
        layers -> {
          ImageRoot root = image(layers, MapNode.FAN_OUT, List.of(1L)).root();
          MapRoot map = root.map();
          MapRoot wrong = new MapRoot(map.layer(), map.checksum() + 1, map.offset());
          ImageRoot altered =
              new ImageRoot(root.blockCount(), wrong, MapRoot.ABSENT, root.layers());
          BlockLookup lookup = new BlockLookup(Image.open(layers, altered));
          assertThatThrownBy(() -> lookup.find(new long[] {1}, 0, 1))
              .isInstanceOf(SnapshotFormatException.class)
              .hasMessageContaining("a map node with CRC32C");
        });
  }

  private static void damage(Path path, long offset) {
    try (FileChannel file = FileChannel.open(path, StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(new byte[] {77}), offset);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
