package dev.torpor.launcher.demo;

import dev.torpor.vmm.VmExit;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.time.Duration;

/** Small programs without a kernel: they run at the processor's own speed on every KVM. */
public final class FlatDemo {
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final long WORKSPACE_BYTES = 256L << 20;
  private static final long MEMORY_BYTES = FlatBoot.WORKSPACE_GPA + WORKSPACE_BYTES;
  private static final int WORD_BYTES = Long.BYTES;
  private static final int PASSES = 9;
  private static final long STEPS = 500_000;
  private static final long ROUND_TRIPS = 20_000;

  private final DemoLog log;

  /**
   * Prepares the part.
   *
   * @param log where to tell of it
   */
  public FlatDemo(DemoLog log) {
    this.log = log;
  }

  /**
   * Runs the part.
   *
   * @throws InterruptedException if the thread is interrupted
   * @throws IllegalStateException if a guest does not do what it should
   */
  public void run() throws InterruptedException {
    log.heading("Programs without a kernel, at the processor's own speed");
    writePages();
    checkMemory();
    echo();
  }

  private void writePages() throws InterruptedException {
    try (Vm vm = create("page-writer", WORD_BYTES, 0, 0, PASSES)) {
      Doorbell doorbell = vm.doorbell().orElseThrow();
      long start = System.nanoTime();
      vm.start();
      require(doorbell.awaitProgress(1, PATIENCE), "page-writer", "its first pass takes too long");
      long first = System.nanoTime();
      requireSuccess(vm, "page-writer");
      long end = System.nanoTime();
      log.step(
          "page-writer fills 256 MiB for the first time", rate(first - start, 1), first - start);
      log.step(
          "page-writer fills it %d times more".formatted(PASSES - 1),
          rate(end - first, PASSES - 1),
          end - first);
    }
  }

  private static String rate(long nanos, int passes) {
    return "%.1f GB/s".formatted(passes * WORKSPACE_BYTES / (double) nanos);
  }

  private void checkMemory() throws InterruptedException {
    try (Vm vm = create("memory-check", 0, 0, STEPS, 0)) {
      long nanos = runToSuccess(vm, "memory-check");
      log.step(
          "memory-check walks and changes its memory",
          "%,d steps, every byte right".formatted(STEPS),
          nanos);
    }
  }

  private void echo() throws InterruptedException {
    try (Vm vm = create("doorbell-echo", ROUND_TRIPS, 0, 0, 0)) {
      long nanos = runToSuccess(vm, "doorbell-echo");
      log.step(
          "doorbell-echo asks Java and answers",
          "%.1f µs a round trip".formatted(nanos / 1e3 / ROUND_TRIPS),
          nanos);
    }
  }

  private static Vm create(String program, long rdx, long rcx, long r8, long r9) {
    return Vm.create(
        VmConfig.boot(FlatGuest.named(program, rdx, rcx, r8, r9))
            .name(program)
            .memory(MEMORY_BYTES)
            .build());
  }

  private static long runToSuccess(Vm vm, String program) throws InterruptedException {
    long start = System.nanoTime();
    vm.start();
    requireSuccess(vm, program);
    return System.nanoTime() - start;
  }

  private static void requireSuccess(Vm vm, String program) throws InterruptedException {
    VmExit exit =
        vm.awaitExit(PATIENCE)
            .orElseThrow(() -> failure(program, "it does not end within " + PATIENCE));
    require(
        exit instanceof VmExit.GuestExited(long code, long _) && code == 0,
        program,
        exit.describe());
  }

  private static void require(boolean condition, String program, String otherwise) {
    if (!condition) {
      throw failure(program, otherwise);
    }
  }

  private static IllegalStateException failure(String program, String what) {
    return new IllegalStateException(program + ": " + what);
  }
}
