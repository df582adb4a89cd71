package dev.torpor.benchmarks.peer;

import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** Tells people how far something has come that takes more than a second. */
final class PeerProgress {
  private static final long INTERVAL_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final Consumer<String> listener;
  private final String what;
  private final int samples;
  private long lastTold = System.nanoTime();

  PeerProgress(Consumer<String> listener, String what, int samples) {
    this.listener = listener;
    this.what = what;
    this.samples = samples;
  }

  /** So many samples have been taken. */
  void at(int count) {
    if (System.nanoTime() - lastTold > INTERVAL_NANOS) {
      lastTold = System.nanoTime();
      listener.accept("%s: %d of %d".formatted(what, count, samples));
    }
  }
}
