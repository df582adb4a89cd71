package dev.torpor.vmm.device.virtio;

import dev.torpor.vmm.device.InterruptLine;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The interrupt of an MMIO transport and the reasons for it (4.2.2: InterruptStatus,
 * ConfigGeneration). The device adds reasons while the driver acknowledges others, without a lock.
 */
final class MmioInterrupt implements DriverNotifier {
  private static final int USED_BUFFER = 1;
  private static final int CONFIGURATION = 2;

  private final InterruptLine line;
  private final AtomicInteger status = new AtomicInteger();
  private final AtomicInteger configGeneration = new AtomicInteger();

  MmioInterrupt(InterruptLine line) {
    this.line = line;
  }

  @Override
  public void usedBuffers(VirtQueue queue) {
    if (queue.shouldInterrupt()) {
      raise(USED_BUFFER);
    }
  }

  @Override
  public void configurationChanged() {
    configGeneration.incrementAndGet();
    raise(CONFIGURATION);
  }

  /** Has the driver look at the device status, where the need is told (2.1.2). */
  void deviceNeedsReset() {
    raise(CONFIGURATION);
  }

  private void raise(int reason) {
    // The reason first: the driver reads the status as soon as it is interrupted.
    status.accumulateAndGet(reason, (pending, added) -> pending | added);
    line.raise();
  }

  int status() {
    return status.get();
  }

  void acknowledge(int reasons) {
    status.accumulateAndGet(reasons, (pending, handled) -> pending & ~handled);
  }

  int configGeneration() {
    return configGeneration.get();
  }

  void reset() {
    status.set(0);
  }

  /** Interrupts again if reasons are left: the edge may have been under way at the capture. */
  void restore(int restoredStatus, int restoredGeneration) {
    status.set(restoredStatus);
    configGeneration.set(restoredGeneration);
    if (restoredStatus != 0) {
      line.raise();
    }
  }
}
