package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Images are read by many threads, of which some are interrupted. */
class ConcurrencyTest {
  private static final int BLOCK_COUNT = 20_000;

  @Test
  void threadsThatReadAtOnceAllSeeTheImageWhileOthersAreInterrupted() {
    ImageModel.withLayers(
        layers -> {
          ImageModel model = image(layers);
          // A cold cache and closed files, so that all threads load at once.
          try (Layers cold = Layers.open(layers.directory())) {
            Image image = Image.open(cold, model.image().root());
            AtomicReference<Throwable> failure = new AtomicReference<>();
            AtomicInteger interruptsSeen = new AtomicInteger();
            CountDownLatch running = new CountDownLatch(4);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
              Random random = new Random(i);
              threads.add(
                  Thread.ofPlatform()
                      .start(
                          () -> {
                            running.countDown();
                            try {
                              readAround(model, image, random, interruptsSeen);
                            } catch (Throwable e) {
                              failure.compareAndSet(null, e);
                            }
                          }));
            }
            join(threads, running);
            assertThat(failure.get()).isNull();
            assertThat(interruptsSeen.get()).isPositive();
          }
        });
  }

  private static void join(List<Thread> threads, CountDownLatch running) {
    try {
      running.await();
      // Half of them; the channels that this closes are the others' too.
      while (threads.getFirst().isAlive() || threads.get(1).isAlive()) {
        threads.getFirst().interrupt();
        threads.get(1).interrupt();
        Thread.sleep(1);
      }
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void readAround(
      ImageModel model, Image image, Random random, AtomicInteger interruptsSeen) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment buffer = arena.allocate(8L * Blocks.BYTES, Blocks.BYTES);
      BlockReader reader = new BlockReader(image, buffer);
      // Until somebody was interrupted, too: reading may be done before the first interrupt comes.
      for (int i = 0; i < 3000 || interruptsSeen.get() == 0; i++) {
        long first = random.nextLong(BLOCK_COUNT - 8);
        reader.read(first, 8);
        long at = random.nextLong(8);
        assertThat(buffer.asSlice(at * Blocks.BYTES, Blocks.BYTES).toArray(ValueLayout.JAVA_BYTE))
            .isEqualTo(model.at(first + at));
        if (Thread.interrupted()) {
          interruptsSeen.incrementAndGet();
        }
      }
    }
  }

  @Test
  void anInterruptedThreadReadsWritesAndSyncsAndKeepsItsFlag() {
    ImageModel.withLayers(
        layers -> {
          ImageModel model = image(layers);
          byte[] read = new byte[Blocks.BYTES];
          long block = model.blocks().firstKey();
          Thread.currentThread().interrupt();
          model.image().read(block, MemorySegment.ofArray(read));
          ImageModel child;
          try (ImageWriter writer = new ImageWriter(layers, model.image(), LayerKind.PACKED)) {
            ImageModel.put(writer, new long[] {3}, ImageModel.block(77));
            child = new ImageModel(writer.finish(), model.blocks());
            writer.sync();
          }
          assertThat(Thread.interrupted()).isTrue();
          assertThat(read).isEqualTo(model.at(block));
          child.image().read(3, MemorySegment.ofArray(read));
          assertThat(read).isEqualTo(ImageModel.block(77));
        });
  }

  @Test
  void blocksPutByInterruptedThreadsAreAllWritten() throws InterruptedException {
    AtomicReference<Throwable> failure = new AtomicReference<>();
    Thread thread =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    ImageModel.withLayers(layers -> image(layers).check());
                  } catch (Throwable e) {
                    failure.set(e);
                  }
                });
    while (thread.isAlive()) {
      thread.interrupt();
      thread.join(1);
    }
    assertThat(failure.get()).isNull();
  }

  private static ImageModel image(Layers layers) {
    Random random = new Random(42);
    ImageModel model = ImageModel.empty(layers, BLOCK_COUNT);
    for (int i = 0; i < 5; i++) {
      model =
          model.child(
              layers,
              i == 0 ? LayerKind.FLAT : LayerKind.PACKED,
              ImageModel.batches(random, BLOCK_COUNT));
    }
    assertThat(model.blocks()).hasSizeGreaterThan(50);
    return model;
  }
}
