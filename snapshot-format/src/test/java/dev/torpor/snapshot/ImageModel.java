package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.stream.Stream;

/** What an image must hold, as a plain map of non-zero blocks, and how the two are compared. */
record ImageModel(Image image, NavigableMap<Long, byte[]> blocks) {
  static final byte[] ZERO = new byte[Blocks.BYTES];

  static ImageModel empty(Layers layers, long blockCount) {
    return new ImageModel(Image.empty(layers, blockCount), new TreeMap<>());
  }

  /** A block of which few differ, so that equal ones occur. */
  static byte[] block(int seed) {
    byte[] bytes = new byte[Blocks.BYTES];
    if (seed != 0) {
      new Random(seed).nextBytes(bytes);
    }
    return bytes;
  }

  static MemorySegment contents(List<byte[]> blocks) {
    MemorySegment all = Arena.ofAuto().allocate((long) blocks.size() * Blocks.BYTES);
    for (int i = 0; i < blocks.size(); i++) {
      MemorySegment.copy(
          blocks.get(i), 0, all, ValueLayout.JAVA_BYTE, (long) i * Blocks.BYTES, Blocks.BYTES);
    }
    return all;
  }

  static void put(ImageWriter writer, long[] indices, byte[]... blocks) {
    writer.put(indices, indices.length, contents(List.of(blocks)));
  }

  /** The child that a writer makes of batches of blocks. */
  ImageModel child(Layers layers, LayerKind kind, List<Map.Entry<long[], List<byte[]>>> batches) {
    NavigableMap<Long, byte[]> expected = new TreeMap<>(blocks);
    try (ImageWriter writer = new ImageWriter(layers, image, kind)) {
      for (Map.Entry<long[], List<byte[]>> batch : batches) {
        writer.put(batch.getKey(), batch.getKey().length, contents(batch.getValue()));
        for (int i = 0; i < batch.getKey().length; i++) {
          set(expected, batch.getKey()[i], batch.getValue().get(i));
        }
      }
      long stored =
          expected.entrySet().stream()
              .filter(entry -> !Arrays.equals(blocks.get(entry.getKey()), entry.getValue()))
              .count();
      Image child = writer.finish();
      assertThat(blocksIn(writer.layer(), child)).isEqualTo(stored);
      return new ImageModel(child, expected);
    }
  }

  private static long blocksIn(int layer, Image image) {
    return image.layersInUse().stream()
        .filter(use -> use.layer() == layer)
        .mapToLong(LayerUse::liveBlocks)
        .sum();
  }

  private static void set(Map<Long, byte[]> model, long block, byte[] bytes) {
    if (Arrays.equals(bytes, ZERO)) {
      model.remove(block);
    } else {
      model.put(block, bytes);
    }
  }

  byte[] at(long block) {
    return blocks.getOrDefault(block, ZERO);
  }

  void check(long... others) {
    TreeSet<Long> asked = new TreeSet<>(blocks.keySet());
    Arrays.stream(others).forEach(asked::add);
    asked.add(0L);
    asked.add(image.blockCount() - 1);
    byte[] bytes = new byte[Blocks.BYTES];
    BlockRef ref = new BlockRef();
    for (long block : asked) {
      Arrays.fill(bytes, (byte) 1);
      boolean has = image.read(block, MemorySegment.ofArray(bytes));
      assertThat(bytes).isEqualTo(at(block));
      assertThat(has).isEqualTo(blocks.containsKey(block));
      image.find(block, ref);
      assertThat(ref.isStored()).isEqualTo(has);
    }
    checkReader(asked);
    checkExtents();
    checkLiveCounts();
  }

  private void checkReader(TreeSet<Long> asked) {
    int count = (int) Math.min(5, image.blockCount());
    MemorySegment buffer = Arena.ofAuto().allocate((long) count * Blocks.BYTES);
    buffer.fill((byte) 7);
    BlockReader reader = new BlockReader(image, buffer);
    for (long block : asked) {
      long first = Math.min(block, image.blockCount() - count);
      int stored = reader.read(first, count);
      assertThat(stored).isEqualTo(blocks.subMap(first, first + count).size());
      for (int i = 0; i < count; i++) {
        assertThat(
                buffer
                    .asSlice((long) i * Blocks.BYTES, Blocks.BYTES)
                    .toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(at(first + i));
      }
    }
  }

  /** Extents show what the image holds, cover all of it, and none is more than is needed. */
  private void checkExtents() {
    List<Extent> extents = image.extents(Integer.MAX_VALUE).orElseThrow();
    TreeSet<Long> uncovered = new TreeSet<>(blocks.keySet());
    long end = 0;
    for (Extent extent : extents) {
      assertThat(extent.firstBlock()).isGreaterThanOrEqualTo(end);
      end = extent.firstBlock() + extent.blockCount();
      assertThat(end).isLessThanOrEqualTo(image.blockCount());
      image.verify(extent);
      Layer layer = image.layers().layer(extent.layer());
      byte[] bytes = new byte[Blocks.BYTES];
      // Images of a million blocks have extents as long; their holes are looked at in places.
      for (long i = 0; i < extent.blockCount(); i += i < 200 ? 1 : 997) {
        layer.read(extent.offset() + i * Blocks.BYTES, MemorySegment.ofArray(bytes));
        assertThat(bytes).isEqualTo(at(extent.firstBlock() + i));
      }
      uncovered.subSet(extent.firstBlock(), end).clear();
    }
    assertThat(uncovered).isEmpty();
    assertThat(image.extents(extents.size())).contains(extents);
    if (!extents.isEmpty()) {
      assertThat(image.extents(extents.size() - 1)).isEmpty();
    }
  }

  /** Counts again, by a walk of the whole map. */
  private void checkLiveCounts() {
    Map<Integer, long[]> counts = new TreeMap<>();
    count(image.root().map().head(), image.root().map().offset(), image.height() - 1, counts);
    List<LayerUse> expected = new ArrayList<>();
    counts.forEach((layer, use) -> expected.add(new LayerUse(layer, use[0], use[1])));
    assertThat(image.layersInUse()).isEqualTo(expected);
  }

  private void count(long head, long offset, int level, Map<Integer, long[]> counts) {
    if (!BlockRef.isStored(head)) {
      return;
    }
    counts.computeIfAbsent(BlockRef.layerOf(head), n -> new long[2])[level < 0 ? 0 : 1]++;
    if (level >= 0) {
      long[] node = new long[MapNode.WORDS];
      image.layers().nodes().copy(head, offset, node);
      for (int i = 0; i < MapNode.FAN_OUT; i++) {
        count(MapNode.head(node, i), MapNode.offset(node, i), level - 1, counts);
      }
    }
  }

  /** The blocks whose contents differ from another model's. */
  TreeSet<Long> differences(ImageModel other) {
    TreeSet<Long> all = new TreeSet<>(blocks.keySet());
    all.addAll(other.blocks.keySet());
    all.removeIf(block -> Arrays.equals(at(block), other.at(block)));
    return all;
  }

  /** Runs a test in a directory of its own, which is deleted behind it. */
  static void withLayers(Consumer<Layers> test) {
    try {
      Path directory = Files.createTempDirectory("layers");
      try (Layers layers = Layers.open(directory)) {
        test.accept(layers);
      } finally {
        deleteAll(directory);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void deleteAll(Path directory) throws IOException {
    List<Path> files;
    try (Stream<Path> walk = Files.walk(directory)) {
      files = new ArrayList<>(walk.toList());
    }
    for (Path file : files.reversed()) {
      Files.delete(file);
    }
  }

  /** Batches of blocks as a test's random numbers say. */
  static List<Map.Entry<long[], List<byte[]>>> batches(Random random, long blockCount) {
    List<Map.Entry<long[], List<byte[]>>> batches = new ArrayList<>();
    int batchCount = random.nextInt(4);
    Map<Integer, byte[]> contents = new HashMap<>();
    for (int b = 0; b < batchCount; b++) {
      long[] indices = new long[random.nextInt(1, 40)];
      List<byte[]> blocks = new ArrayList<>();
      long next = random.nextLong(blockCount);
      for (int i = 0; i < indices.length; i++) {
        // Mostly runs, near the places of other batches.
        next = random.nextInt(4) > 0 ? (next + 1) % blockCount : near(random, blockCount);
        indices[i] = next;
        blocks.add(contents.computeIfAbsent(random.nextInt(6), ImageModel::block));
      }
      batches.add(Map.entry(indices, blocks));
    }
    return batches;
  }

  private static long near(Random random, long blockCount) {
    long place = random.nextBoolean() ? 0 : blockCount * random.nextInt(4) / 4;
    return Math.min(blockCount - 1, place + random.nextInt(100));
  }
}
