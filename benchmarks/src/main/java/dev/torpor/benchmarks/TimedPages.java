package dev.torpor.benchmarks;

import dev.torpor.snapshot.Image;
import dev.torpor.vmm.memory.ImagePageSource;
import dev.torpor.vmm.memory.PageSource;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;

/** The pages of an image; notes when another cluster of them is asked for the first time. */
final class TimedPages implements PageSource {
  private static final int WARM_UP_CLUSTERS = 8;

  private final PageSource pages;
  private final int clusterPages;
  private final long[] samples;
  private final CountDownLatch full = new CountDownLatch(1);

  /** Changed by the one thread that answers faults, once there is one. */
  private long lastCluster = -1;

  private long lastNanos;
  private int next = -WARM_UP_CLUSTERS;

  TimedPages(Image image, int clusterPages, int sampleCount) {
    this.pages = new ImagePageSource(image);
    this.clusterPages = clusterPages;
    this.samples = new long[sampleCount];
  }

  @Override
  public long pageCount() {
    return pages.pageCount();
  }

  @Override
  public Reader reader(MemorySegment buffer) {
    Reader reader = pages.reader(buffer);
    return (firstPage, maxPages) -> {
      noteCluster(firstPage / clusterPages);
      return reader.read(firstPage, maxPages);
    };
  }

  private void noteCluster(long cluster) {
    if (cluster == lastCluster || next == samples.length) {
      return;
    }
    long now = System.nanoTime();
    if (next >= 0) {
      samples[next] = now - lastNanos;
    }
    lastCluster = cluster;
    lastNanos = now;
    if (++next == samples.length) {
      full.countDown();
    }
  }

  long[] awaitSamples() throws InterruptedException {
    full.await();
    return samples;
  }
}
