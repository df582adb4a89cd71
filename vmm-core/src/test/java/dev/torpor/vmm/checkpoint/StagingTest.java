package dev.torpor.vmm.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.snapshot.Blocks;
import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.ImageWriter;
import dev.torpor.snapshot.LayerKind;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.memory.GuestMemory;
import dev.torpor.vmm.memory.MemoryBacking;
import dev.torpor.vmm.memory.PageSet;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What was taken comes out as it was when it was taken last, whatever the guest did since. */
class StagingTest {
  private static final int PAGES = 5000;

  @Property(tries = 30)
  void theLastCopyOfEachPageIsHandedOn(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    Path folder = Files.createTempDirectory("torpor-staging");
    try (Store store = Store.open(folder.resolve("store"));
        GuestMemory memory =
            GuestMemory.allocate(PAGES * (long) Blocks.BYTES, MemoryBacking.ANONYMOUS, false);
        Staging staging = new Staging(memory)) {
      for (int checkpoint = 0; checkpoint < 3; checkpoint++) {
        Map<Long, Long> expected = new HashMap<>();
        long slots = 0;
        for (int round = 0; round < 5; round++) {
          PageSet set = somePages(random);
          long needed = slots + newPages(set, expected);
          assertThat(staging.hasRoomFor(set)).isEqualTo(needed <= PAGES / 2);
          if (random.nextInt(4) == 0) {
            staging.drop(set);
            forEach(set, expected::remove);
          } else if (needed <= PAGES / 2) {
            slots = needed;
            forEach(set, page -> write(memory, page, random.nextLong()));
            staging.take(set);
            forEach(set, page -> expected.put(page, read(memory, page)));
            forEach(set, page -> write(memory, page, 0));
          }
        }
        assertThat(written(staging, store)).isEqualTo(nonZero(expected));
      }
    } finally {
      deleteTree(folder);
    }
  }

  private static long newPages(PageSet set, Map<Long, Long> taken) {
    long[] count = {0};
    forEach(set, page -> count[0] += taken.containsKey(page) ? 0 : 1);
    return count[0];
  }

  private static void forEach(PageSet set, LongConsumer action) {
    for (long page = set.next(0); page >= 0; page = set.next(page + 1)) {
      action.accept(page);
    }
  }

  private static PageSet somePages(Random random) {
    PageSet set = new PageSet(PAGES);
    int count = random.nextInt(1, 1600);
    for (int i = 0; i < count; i++) {
      set.add(random.nextInt(PAGES));
    }
    return set;
  }

  private static void write(GuestMemory memory, long page, long value) {
    memory.writeLong(page * Blocks.BYTES, value);
  }

  private static long read(GuestMemory memory, long page) {
    return memory.readLong(page * Blocks.BYTES);
  }

  private static Map<Long, Long> nonZero(Map<Long, Long> pages) {
    Map<Long, Long> result = new HashMap<>(pages);
    result.values().removeIf(value -> value == 0);
    return result;
  }

  private static Map<Long, Long> written(Staging staging, Store store) {
    Image nothing = Image.empty(store.layers(), PAGES);
    Map<Long, Long> found = new HashMap<>();
    try (ImageWriter writer = new ImageWriter(store.layers(), nothing, LayerKind.PACKED);
        Arena arena = Arena.ofConfined()) {
      staging.drainTo(writer, () -> {});
      Image image = writer.finish();
      MemorySegment block = arena.allocate(Blocks.BYTES, Blocks.BYTES);
      image.forEachDifference(
          nothing,
          page -> {
            image.read(page, block);
            found.put(page, block.get(ValueLayout.JAVA_LONG, 0));
          });
    }
    return found;
  }

  private static void deleteTree(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      for (Path file : files.toList().reversed()) {
        Files.delete(file);
      }
    }
  }
}
