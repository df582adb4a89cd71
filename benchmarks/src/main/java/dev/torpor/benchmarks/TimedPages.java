package dev.torpor.benchmarks;

import com.sun.management.ThreadMXBean;
import dev.torpor.snapshot.Image;
import dev.torpor.vmm.memory.ImagePageSource;
import dev.torpor.vmm.memory.PageSource;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.concurrent.CountDownLatch;

/** The pages of an image; notes when another cluster of them is asked for the first time. */
public final class TimedPages implements PageSource {
  private static final int WARM_UP_CLUSTERS = 8;

  private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private final PageSource pages;
  private final int clusterPages;
  private final long[] samples;
  private final CountDownLatch full = new CountDownLatch(1);

  /** Changed by the one thread that answers faults, once there is one. */
  private long lastCluster = -1;

  private long lastNanos;
  private long allocatedBytes;
  private int next = -WARM_UP_CLUSTERS;

  /**
   * Makes a source that is asked for a guest's pages by one pager with one thread.
   *
   * @param image what it has
   * @param clusterPages how many pages are brought in together
   * @param sampleCount after how many clusters the samples are complete
   */
  public TimedPages(Image image, int clusterPages, int sampleCount) {
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
    if (++next == 0) {
      allocatedBytes = threads.getCurrentThreadAllocatedBytes();
      now = System.nanoTime();
    }
    lastCluster = cluster;
    lastNanos = now;
    if (next == samples.length) {
      allocatedBytes = threads.getCurrentThreadAllocatedBytes() - allocatedBytes;
      full.countDown();
    }
  }

  /**
   * Waits until so many clusters were asked for.
   *
   * @return the nanoseconds from each to the next
   * @throws InterruptedException if the thread is interrupted
   */
  public long[] awaitSamples() throws InterruptedException {
    full.await();
    return samples;
  }

  /**
   * What bringing in one cluster has allocated on Java's heap, on the thread that answers faults.
   *
   * @return bytes, once the samples are complete
   */
  public double allocatedBytesPerCluster() {
    return (double) allocatedBytes / samples.length;
  }
}
