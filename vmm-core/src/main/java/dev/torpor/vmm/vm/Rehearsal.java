package dev.torpor.vmm.vm;

import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.memory.DirtyTracker;
import dev.torpor.vmm.memory.PageSet;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pauses of a small VM before the first one of a process, while the guest that it is for still
 * runs: where Java comes for the first time it loads, links and interprets, which would make that
 * guest stand still for tens of milliseconds. vCPUs are stopped, their state and that of devices is
 * read and dirty pages are collected; there are no pages to copy and no layers to seal.
 */
final class Rehearsal {
  /** How often: what was run some hundred times is compiled. */
  private static final int TIMES = 200;

  private static final long WORKSPACE_BYTES = 1 << 20;
  private static final int DISK_BYTES = 4096;
  private static final AtomicBoolean BEGUN = new AtomicBoolean();
  private static final Logger LOG = LoggerFactory.getLogger(Rehearsal.class);

  private Rehearsal() {}

  /**
   * Does it, unless this process has done it, or does it now on another thread. Where that fails,
   * for want of a file, a VM or a thread, a guest waits longer, and that is all.
   */
  static void once() {
    if (!BEGUN.getAndSet(true)) {
      long start = System.nanoTime();
      try {
        run(TIMES);
        LOG.debug("rehearsed pauses in {} ms", (System.nanoTime() - start) / 1_000_000);
      } catch (IOException | RuntimeException | OutOfMemoryError e) {
        LOG.debug("pauses could not be rehearsed: the first one takes longer", e);
      }
    }
  }

  /** With a disk, which brings interrupt controllers and a device with it. */
  static void run(int times) throws IOException {
    Path base = Files.createTempFile("torpor-rehearsal-", ".raw");
    try {
      Files.write(base, new byte[DISK_BYTES]);
      run(base, times);
    } finally {
      Files.delete(base);
    }
  }

  private static void run(Path base, int times) {
    VmConfig config =
        VmConfig.boot(FlatGuest.named("spin"))
            .name("rehearsal")
            .memory(FlatBoot.WORKSPACE_GPA + WORKSPACE_BYTES)
            .disk(base, true)
            .build();
    try (Vm vm = Vm.create(config)) {
      DirtyTracker tracker = vm.machine().dirtyTracker();
      PageSet written = new PageSet(vm.memory().pageCount());
      tracker.start();
      vm.start();
      for (int i = 0; i < times; i++) {
        vm.rehearse(() -> tracker.collect(written));
      }
    }
  }
}
