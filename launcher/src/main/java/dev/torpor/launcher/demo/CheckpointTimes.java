package dev.torpor.launcher.demo;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.io.IOException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How long checkpoint, revert, fork and restore take at the processor's own speed: a program writes
 * scattered pages of 256 MiB all the time, and each figure is the median of several.
 */
public final class CheckpointTimes {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final long WORKSPACE_BYTES = 256L << 20;
  private static final long STRIDE_BYTES = 128 << 10;
  private static final int CHECKPOINTS = 11;
  private static final int REVERTS = 51;
  private static final int RESTORES = 11;
  private static final int FORKS = 3;

  private final DemoLog log;
  private final Store store;

  /**
   * Prepares the part.
   *
   * @param store where the checkpoints go, which stays the caller's
   * @param log where to tell of it
   */
  public CheckpointTimes(Store store, DemoLog log) {
    this.store = store;
    this.log = log;
  }

  /** Something that is measured. */
  @FunctionalInterface
  private interface Work {
    /** Does it once; in nanoseconds. */
    long run() throws IOException, InterruptedException;
  }

  /**
   * Runs the part.
   *
   * @throws IOException if the store fails
   * @throws InterruptedException if the thread is interrupted
   * @throws IllegalStateException if a guest does not do what it should
   */
  public void run() throws IOException, InterruptedException {
    log.heading("Checkpoint, revert, fork, restore of a program that writes 2,048 scattered pages");
    try (Vm vm = writer()) {
      vm.start();
      awaitPasses(vm, 2);
      Checkpoint origin = pauses(vm);
      reverts(vm, origin);
      forks(vm, 10);
      forks(vm, 100);
      restores(origin);
    }
  }

  private Vm writer() {
    return Vm.create(
        VmConfig.boot(FlatGuest.named("page-writer", STRIDE_BYTES))
            .name("writer")
            .memory(FlatBoot.WORKSPACE_GPA + WORKSPACE_BYTES)
            .store(store)
            .build());
  }

  private static void awaitPasses(Vm vm, long count) throws InterruptedException {
    Doorbell doorbell = vm.doorbell().orElseThrow();
    if (!doorbell.awaitProgress(doorbell.progress() + count, PATIENCE)) {
      throw new IllegalStateException(vm.name() + " makes no progress within " + PATIENCE);
    }
  }

  /** The first checkpoint stores everything; what counts is the time of the later ones. */
  private Checkpoint pauses(Vm vm) throws IOException, InterruptedException {
    Checkpoint first = vm.checkpoint("first").awaitDurable();
    log.step(
        "checkpoint, the first",
        "%,d pages; durable after %d ms"
            .formatted(first.dirtyPages(), first.durableAfter().toMillis()),
        first.pause().toNanos());
    long[] dirtyPages = new long[1];
    long pause =
        median(
            CHECKPOINTS,
            () -> {
              awaitPasses(vm, 2);
              Checkpoint next = vm.checkpoint("").awaitDurable();
              dirtyPages[0] = next.dirtyPages();
              return next.pause().toNanos();
            });
    log.step(
        "checkpoint, later ones: the guest stands still",
        "%,d pages written since the last".formatted(dirtyPages[0]),
        pause);
    return vm.checkpoint("origin").awaitDurable();
  }

  private void reverts(Vm vm, Checkpoint origin) throws IOException, InterruptedException {
    long nanos =
        median(
            REVERTS,
            () -> {
              awaitPasses(vm, 1);
              long start = System.nanoTime();
              vm.revertTo(origin);
              return System.nanoTime() - start;
            });
    log.step("revert in place", "%,.0f a second".formatted(1e9 / nanos), nanos);
  }

  private void forks(Vm vm, int count) throws IOException, InterruptedException {
    List<RestoreConfig> children =
        IntStream.range(0, count).mapToObj(i -> RestoreConfig.named("child-" + i).build()).toList();
    long nanos =
        median(
            FORKS,
            () -> {
              long start = System.nanoTime();
              List<Vm> made = vm.fork(children);
              long end = System.nanoTime();
              made.getLast().start();
              awaitPasses(made.getLast(), 1);
              made.forEach(Vm::close);
              return end - start;
            });
    log.step(
        "fork into %d children, ready to run".formatted(count),
        "%.2f ms a child".formatted(nanos / 1e6 / count),
        nanos);
  }

  private void restores(Checkpoint origin) throws IOException, InterruptedException {
    long nanos =
        median(
            RESTORES,
            () -> {
              long start = System.nanoTime();
              try (Vm vm =
                  Vm.restore(store, origin.uuid(), RestoreConfig.named("restored").build())) {
                vm.start();
                awaitPasses(vm, 1);
                return System.nanoTime() - start;
              }
            });
    log.step("restore from the store", "to the end of its next pass", nanos);
  }

  private static long median(int times, Work work) throws IOException, InterruptedException {
    long[] samples = new long[times];
    for (int i = 0; i < times; i++) {
      samples[i] = work.run();
    }
    Arrays.sort(samples);
    return samples[times / 2];
  }
}
