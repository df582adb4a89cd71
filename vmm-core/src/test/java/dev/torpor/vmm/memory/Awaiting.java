package dev.torpor.vmm.memory;

import java.util.concurrent.atomic.AtomicReference;
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

  /** The live thread of a name, once it has taken it. */
  static Thread threadNamed(String name) throws InterruptedException {
    AtomicReference<Thread> found = new AtomicReference<>();
    until(
        () -> {
          Thread.getAllStackTraces().keySet().stream()
              .filter(thread -> thread.getName().equals(name))
              .findAny()
              .ifPresent(found::set);
          return found.get() != null;
        });
    return found.get();
  }
}
