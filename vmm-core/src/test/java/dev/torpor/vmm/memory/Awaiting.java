package dev.torpor.vmm.memory;

import java.util.function.BooleanSupplier;

/** Waits for what other threads do. */
final class Awaiting {
  private Awaiting() {}

  static void until(BooleanSupplier condition) throws InterruptedException {
    long start = System.nanoTime();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - start > 30_000_000_000L) {
        throw new AssertionError("waited for 30 seconds");
      }
      Thread.sleep(1);
    }
  }

  /** The live thread of a name. */
  static Thread threadNamed(String name) {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals(name))
        .findAny()
        .orElseThrow();
  }
}
