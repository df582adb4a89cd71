package dev.torpor.benchmarks;

import dev.torpor.snapshot.Store;
import dev.torpor.vmm.boot.FlatBoot;
import dev.torpor.vmm.boot.FlatGuest;
import dev.torpor.vmm.device.Doorbell;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.time.Duration;

/** A VM whose memory is in use, and whose guest counts with every exit. */
public final class WarmVm {
  private static final byte CONTENTS = 1;
  private static final long WRITE_ONLY = 1;
  private static final Duration PATIENCE = Duration.ofMinutes(1);

  private WarmVm() {}

  /**
   * Makes one that has counted, and is paused.
   *
   * @param store where its checkpoints go
   * @param memoryByteSize how much memory it has
   * @return the VM, which the caller closes
   * @throws InterruptedException if the thread is interrupted
   */
  public static Vm create(Store store, long memoryByteSize) throws InterruptedException {
    FlatGuest guest = FlatGuest.named("doorbell-echo", 0, WRITE_ONLY);
    Vm vm =
        Vm.create(VmConfig.boot(guest).name("warm").memory(memoryByteSize).store(store).build());
    vm.memory().fill(FlatBoot.WORKSPACE_GPA, memoryByteSize - FlatBoot.WORKSPACE_GPA, CONTENTS);
    vm.start();
    if (!doorbell(vm).awaitProgress(1, PATIENCE)) {
      throw new IllegalStateException("the guest does not count");
    }
    vm.pause();
    return vm;
  }

  /**
   * Starts one that continues from it, and returns once its guest has left for the first time.
   *
   * @param vm made of a checkpoint of a warm VM
   */
  public static void runToFirstExit(Vm vm) {
    Doorbell doorbell = doorbell(vm);
    long before = doorbell.progress();
    vm.start();
    long start = System.nanoTime();
    while (doorbell.progress() == before) {
      // Waking up would cost more than what is measured, and yielding whatever else wants to run.
      Thread.onSpinWait();
      if (System.nanoTime() - start > PATIENCE.toNanos()) {
        throw new IllegalStateException("the guest does not go on counting");
      }
    }
  }

  private static Doorbell doorbell(Vm vm) {
    return vm.doorbell().orElseThrow();
  }
}
