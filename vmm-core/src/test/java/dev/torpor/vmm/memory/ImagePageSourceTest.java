package dev.torpor.vmm.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.torpor.snapshot.BlockRef;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.Layers;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.testing.Allocation;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The pages of stored images, whole and damaged. */
class ImagePageSourceTest {
  private static final int PAGES = 1024;
  private static final long MEMORY_BYTES = PAGES * 4096L;

  @TempDir private Path directory;
  private Layers layers;
  private final PatternSource contents = PatternSource.random(MEMORY_BYTES, 0, new Random(9));

  @BeforeEach
  void openLayers() {
    layers = Layers.open(directory);
  }

  private Image write(Image parent, LayerKind kind, long[] pages) {
    try (ImageWriter writer = new ImageWriter(layers, parent, kind)) {
      for (long page : pages) {
        writer.put(new long[] {page}, 1, contents.page(page));
      }
      return writer.finish();
    }
  }

  /** All pages, and some of them changed and stored again in a second layer. */
  private Image twoLayers(LayerKind kind) {
    Image first = write(Image.empty(layers, PAGES), kind, LongStream.range(0, PAGES).toArray());
    Random random = new Random(4);
    long[] changed = random.longs(200, 0, PAGES).sorted().distinct().toArray();
    for (long page : changed) {
      contents.page(page).set(ValueLayout.JAVA_LONG, 8, random.nextLong());
    }
    return write(first, LayerKind.PACKED, changed);
  }

  @ParameterizedTest
  @EnumSource
  void pagesAreThoseOfTheImage(LayerKind kind) {
    Image image = twoLayers(kind);
    try (GuestMemory memory = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true);
        Pager pager =
            Pager.attach(
                memory, new ImagePageSource(image), PagerOptions.forVcpus(1), cause -> {})) {
      pager.fill().join();
      MemorySegment found = Arena.ofAuto().allocate(MEMORY_BYTES);
      memory.read(0, found);
      assertThat(found.mismatch(contents.contents)).isEqualTo(-1);
    }
  }

  @Test
  void aReaderGivesRunsThatLieTogetherAndAllocatesNothing() {
    Image image = twoLayers(LayerKind.PACKED);
    MemorySegment buffer = Arena.ofAuto().allocate(64 * 4096, 4096);
    PageSource.Reader reader = new ImagePageSource(image).reader(buffer);
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 200 && least > 0; round++) {
      long before = Allocation.ofThisThread();
      readAll(reader);
      least = Math.min(least, Allocation.ofThisThread() - before);
    }
    assertThat(least).as("bytes for reading all").isZero();
  }

  private static void readAll(PageSource.Reader reader) {
    for (long page = 0; page < PAGES; ) {
      page += Math.abs(reader.read(page, 64));
    }
  }

  @Test
  void aDamagedPageIsToldByFileAndOffset() throws IOException {
    Image image = twoLayers(LayerKind.PACKED);
    long page = stored(image);
    BlockRef place = new BlockRef();
    image.find(page, place);
    try (RandomAccessFile file = new RandomAccessFile(layers.path(place.layer()).toFile(), "rw")) {
      file.seek(place.offset() + 1000);
      int old = file.read();
      file.seek(place.offset() + 1000);
      file.write(old ^ 4);
    }
    try (GuestMemory memory = GuestMemory.allocate(MEMORY_BYTES, MemoryBacking.ANONYMOUS, true);
        Pager pager =
            Pager.attach(
                memory, new ImagePageSource(image), PagerOptions.forVcpus(1), cause -> {})) {
      assertThatThrownBy(() -> memory.readLong(page * 4096))
          .isInstanceOf(PageInException.class)
          .cause()
          .isInstanceOfSatisfying(
              SnapshotFormatException.class,
              e -> {
                assertThat(e.file()).isEqualTo(layers.path(place.layer()));
                assertThat(e.offset()).isEqualTo(place.offset());
              });
      assertThat(pager.failure()).isPresent();
    }
  }

  @Test
  void aTruncatedLayerIsToldByFile() throws IOException {
    Image image = twoLayers(LayerKind.PACKED);
    BlockRef place = new BlockRef();
    image.find(stored(image), place);
    Path path = layers.path(place.layer());
    PageSource.Reader reader =
        new ImagePageSource(image).reader(Arena.ofAuto().allocate(64 * 4096, 4096));
    reader.read(0, 1);
    try (var channel = Files.newByteChannel(path, java.nio.file.StandardOpenOption.WRITE)) {
      channel.truncate(8192);
    }
    assertThatThrownBy(() -> readAll(reader))
        .isInstanceOfSatisfying(
            SnapshotFormatException.class, e -> assertThat(e.file()).isEqualTo(path));
  }

  /** A page that a layer holds. */
  private static long stored(Image image) {
    BlockRef place = new BlockRef();
    long page = -1;
    do {
      image.find(++page, place);
    } while (!place.isStored());
    return page;
  }
}
