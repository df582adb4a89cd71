package dev.torpor.benchmarks;

import dev.torpor.snapshot.Image;
import dev.torpor.snapshot.Manifest;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.nio.file.Path;

/**
 * A checkpoint of 256 MiB, and guests that continue from it in memory of which no page is there:
 * they write to one page after the other, and each stops them.
 *
 * <p>The machine that faults is put together by hand, so that the source can be one that measures.
 */
public final class MissingPages implements AutoCloseable {
  private static final long MEMORY_BYTES = 256L << 20;

  /** All but those that hold the program. */
  private static final long PAGES = (MEMORY_BYTES >> 12) - 1024;

  /** What a source of timed pages needs before its first sample, and then some. */
  private static final int SPARE_CLUSTERS = 32;

  private final Scatter scatter = Scatter.together(MEMORY_BYTES, PAGES);
  private final ScratchStore scratch;
  private final Image image;

  /**
   * Takes the checkpoint.
   *
   * @param folder where its store goes, until this is closed
   * @throws InterruptedException if the thread is interrupted
   */
  public MissingPages(Path folder) throws InterruptedException {
    scratch = new ScratchStore(folder);
    VmConfig original =
        VmConfig.boot(scatter.guest())
            .name("original")
            .memory(MEMORY_BYTES)
            .store(scratch.store())
            .build();
    try (Vm vm = Vm.create(original)) {
      scatter.fill(vm.memory());
      Manifest manifest = scratch.store().read(vm.checkpoint("").awaitDurable().uuid());
      image = Image.open(scratch.store().layers(), manifest.memory());
    }
  }

  /**
   * How many faults there are to time in one guest.
   *
   * @param clusterPages how many pages each brings in
   * @return how many
   */
  public static int faults(int clusterPages) {
    return (int) (PAGES / clusterPages) - SPARE_CLUSTERS;
  }

  /**
   * Makes a source of the pages that measures.
   *
   * @param clusterPages how many pages each fault brings in
   * @param count after how many faults the samples are complete
   * @return the source, for one guest
   */
  public TimedPages source(int clusterPages, int count) {
    return new TimedPages(image, clusterPages, count);
  }

  /**
   * Makes a guest, which does not run yet.
   *
   * @param source where its pages come from
   * @param clusterPages how many pages each fault brings in
   * @return the guest, which the caller closes
   */
  public FaultingGuest guest(TimedPages source, int clusterPages) {
    return new FaultingGuest(scatter, MEMORY_BYTES, source, clusterPages);
  }

  @Override
  public void close() {
    scratch.close();
  }
}
