package dev.torpor.benchmarks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How much memory nobody shares with this process. */
public final class PrivateMemory {
  private static final Path ROLLUP = Path.of("/proc/self/smaps_rollup");
  private static final long KIB = 1024;
  private static final long NOISE_BYTES = 1 << 20;
  private static final int COLLECTIONS = 4;
  private static final int CLEANING_MILLIS = 300;

  private PrivateMemory() {}

  /**
   * What is private, once all is given back that nobody uses. Collectors give a heap back in steps,
   * one for each collection, so it takes several until one that changes nothing means the end.
   *
   * @return bytes
   * @throws InterruptedException if the thread is interrupted
   */
  public static long bytesInUse() throws InterruptedException {
    for (int i = 0; i < COLLECTIONS; i++) {
      System.gc();
    }
    long before;
    long now = Long.MAX_VALUE;
    do {
      before = now;
      System.gc();
      Thread.sleep(CLEANING_MILLIS); // native memory of what was collected goes on another thread
      now = bytes();
    } while (now < before - NOISE_BYTES);
    return now;
  }

  /**
   * What is private in all of its mappings. A page of a file that several mappings of one process
   * have counts as shared; what the kernel keeps for the process is not in it.
   */
  private static long bytes() {
    try {
      return of(Files.readAllLines(ROLLUP));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read " + ROLLUP, e);
    }
  }

  static long of(List<String> rollup) {
    return rollup.stream()
        .filter(line -> line.startsWith("Private_"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D+", "")) * KIB)
        .sum();
  }
}
