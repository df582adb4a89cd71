package dev.torpor.snapshot;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Whoever is told that a node was read has read that node, whatever others put there meanwhile. */
class NodeCacheTest {
  /** For the same four places: they push each other out all the time. */
  private static final int[] RIVALS =
      IntStream.iterate(1, number -> number + 1)
          .filter(number -> NodeCache.set(head(number), offset(number)) == 77)
          .limit(12)
          .toArray();

  private static final int READS = 2_000_000;

  @Test
  void aNodeIsReadWholeOrNotAtAllWhileOthersTakeItsPlace() {
    ImageModel.withLayers(layers -> readWhileOthersPut(layers.nodes()));
  }

  private static void readWhileOthersPut(NodeCache cache) {
    AtomicBoolean ended = new AtomicBoolean();
    try (ExecutorService threads = Executors.newThreadPerTaskExecutor(Thread::new)) {
      List<Future<Void>> puts = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        Random random = new Random(i);
        puts.add(threads.submit(putUntil(ended, cache, random)));
      }
      try {
        assertThat(matchingReads(cache, new Random(7))).as("nodes that were there").isPositive();
      } finally {
        ended.set(true);
      }
      assertThat(puts).allSatisfy(put -> assertThat(put).succeedsWithin(Duration.ofSeconds(10)));
    }
  }

  private static Callable<Void> putUntil(AtomicBoolean ended, NodeCache cache, Random random) {
    long[] node = new long[MapNode.WORDS];
    return () -> {
      while (!ended.get()) {
        int number = RIVALS[random.nextInt(RIVALS.length)];
        Arrays.fill(node, number);
        cache.put(head(number), offset(number), node);
      }
      return null;
    };
  }

  private static long matchingReads(NodeCache cache, Random random) {
    BlockRef ref = new BlockRef();
    long[] node = new long[MapNode.WORDS];
    long[] expected = new long[MapNode.WORDS];
    long found = 0;
    for (int i = 0; i < READS; i++) {
      int number = RIVALS[random.nextInt(RIVALS.length)];
      int place = cache.place(head(number), offset(number));
      if (cache.tryRead(place, head(number), offset(number), i % MapNode.FAN_OUT, ref)) {
        found++;
        if (ref.head() != number || ref.offset() != number) {
          throw new AssertionError("read of node %d: %s".formatted(number, ref));
        }
      }
      if (cache.tryCopy(place, head(number), offset(number), node)) {
        Arrays.fill(expected, number);
        assertThat(node).isEqualTo(expected);
      }
    }
    return found;
  }

  private static long head(int number) {
    return BlockRef.head(number % 5 + 1, number);
  }

  private static long offset(int number) {
    return (long) number * MapNode.BYTES;
  }
}
