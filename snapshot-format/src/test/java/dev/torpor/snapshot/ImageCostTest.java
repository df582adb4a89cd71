package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.testing.Allocation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.TreeSet;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.UniqueElements;
import org.junit.jupiter.api.Test;

/** What operations on images cost: nodes read, nodes written, bytes allocated. Never time. */
class ImageCostTest {
  private static final int FULL = 64 * 64 * 4;

  @Property(tries = 20)
  void aChildWritesOnlyTheNodesOnTheWayToItsChanges(
      @ForAll @Size(min = 1, max = 30) @UniqueElements
          List<@LongRange(max = FULL - 1) Long> changed) {
    ImageModel.withLayers(
        layers -> {
          Image parent = full(layers);
          BlockChanges changes = new BlockChanges();
          TreeSet<Long> nodes = new TreeSet<>();
          for (long block : new TreeSet<>(changed)) {
            changes.stored(block, 1000, 5, LayerHeader.BYTES);
            for (int level = 1; level <= parent.height(); level++) {
              nodes.add((long) level << 60 | block / MapNode.span(level));
            }
          }
          LayerWriter writer = layers.create(LayerKind.PACKED, FULL);
          long before = writer.end();
          parent.with(changes, writer);
          assertThat(writer.end() - before).isEqualTo((long) nodes.size() * MapNode.BYTES);
          writer.close();
        });
  }

  @Test
  void aChildWithoutDifferencesIsTheParentAndLeavesNoLayer() {
    ImageModel.withLayers(
        layers -> {
          Image parent = full(layers);
          int[] before = layers.numbers();
          try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {9, 8}, ImageModel.block(8), ImageModel.block(7));
            ImageModel.put(writer, new long[] {9, 8}, ImageModel.block(1), ImageModel.block(1));
            assertThat(writer.finish()).isSameAs(parent);
            writer.sync();
          }
          assertThat(layers.numbers()).isEqualTo(before);
        });
  }

  @Property(tries = 10)
  void extentsOfAChildVisitOnlyWhatChangedSinceTheFlatImage(
      @ForAll @IntRange(min = 1, max = 5) int changedCount) {
    ImageModel.withLayers(
        layers -> {
          Image child = full(layers);
          for (int i = 0; i < changedCount; i++) {
            try (ImageWriter writer = new ImageWriter(layers, child, LayerKind.PACKED)) {
              ImageModel.put(writer, new long[] {i * 3000L}, ImageModel.block(100 + i));
              child = writer.finish();
            }
          }
          try (Layers cold = Layers.open(layers.directory())) {
            Image image = Image.open(cold, child.root());
            assertThat(cold.nodes().loadCount()).isZero();
            assertThat(image.extents(100).orElseThrow()).hasSize(2 * changedCount);
            // Root, inner node and leaf of both images.
            assertThat(cold.nodes().loadCount()).isLessThanOrEqualTo(2 + 4L * changedCount);
          }
        });
  }

  @Test
  void aFullFlatImageIsOneExtentAndItsMapIsNotRead() {
    ImageModel.withLayers(
        layers -> {
          Image image = full(layers);
          try (Layers cold = Layers.open(layers.directory())) {
            assertThat(Image.open(cold, image.root()).extents(1).orElseThrow())
                .containsExactly(new Extent(0, FULL, 1, LayerHeader.FLAT_DATA_OFFSET));
            assertThat(cold.nodes().loadCount()).isZero();
          }
        });
  }

  @Test
  void tooManyExtentsAreNoticedBeforeTheWholeMapIsRead() {
    ImageModel.withLayers(
        layers -> {
          Image empty = Image.empty(layers, FULL);
          BlockChanges changes = new BlockChanges();
          for (long block = 0; block < FULL; block += 2) {
            changes.stored(block, 1, 0, LayerHeader.BYTES);
          }
          try (LayerWriter writer = layers.create(LayerKind.PACKED, FULL)) {
            writer.reserve(Blocks.BYTES);
            Image image = empty.with(changes, writer);
            writer.finish();
            try (Layers cold = Layers.open(layers.directory())) {
              assertThat(Image.open(cold, image.root()).extents(40)).isEmpty();
              // The root, an inner node and two leaves.
              assertThat(cold.nodes().loadCount()).isEqualTo(4);
            }
          }
        });
  }

  @Test
  void aChildIsReadWithoutLoadingTheNodesThatWereJustWritten() {
    ImageModel.withLayers(
        layers -> {
          Image parent = full(layers);
          try (ImageWriter writer = new ImageWriter(layers, parent, LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {5}, ImageModel.block(9));
            long before = layers.nodes().loadCount();
            writer.finish().read(5, MemorySegment.ofArray(new byte[Blocks.BYTES]));
            assertThat(layers.nodes().loadCount()).isEqualTo(before);
          }
        });
  }

  @Test
  void warmLookupsAndReadsAllocateNothing() {
    ImageModel.withLayers(
        layers -> {
          Image image = full(layers);
          BlockRef ref = new BlockRef();
          BlockReader reader =
              new BlockReader(image, Arena.ofAuto().allocate(16L * Blocks.BYTES, Blocks.BYTES));
          Runnable work =
              () -> {
                for (long block = 0; block + 16 <= FULL; block += 16) {
                  image.find(block, ref);
                  reader.read(block, 16);
                }
              };
          for (int i = 0; i < 20; i++) {
            work.run();
          }
          long rounds = FULL / 16;
          assertThat(Allocation.bytesOf(work)).isLessThan(rounds);
        });
  }

  private static Image full(Layers layers) {
    MemorySegment contents = Arena.ofAuto().allocate(256L * Blocks.BYTES);
    for (int i = 0; i < 256; i++) {
      MemorySegment.copy(
          MemorySegment.ofArray(ImageModel.block(1)),
          0,
          contents,
          (long) i * Blocks.BYTES,
          Blocks.BYTES);
    }
    try (ImageWriter writer = new ImageWriter(layers, Image.empty(layers, FULL), LayerKind.FLAT)) {
      long[] blocks = new long[256];
      for (int first = 0; first < FULL; first += blocks.length) {
        for (int i = 0; i < blocks.length; i++) {
          blocks[i] = (long) first + i;
        }
        writer.put(blocks, blocks.length, contents);
      }
      return writer.finish();
    }
  }
}
