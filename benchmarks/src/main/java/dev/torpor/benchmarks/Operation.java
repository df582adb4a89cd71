package dev.torpor.benchmarks;

import java.nio.file.Path;

/**
 * Something that is measured.
 *
 * <p>The guest is always a flat one. Where it goes on writing, its pages are spread over all of its
 * memory, or over that beyond 3 GiB if there is any.
 *
 * @param subject what results call it
 * @param effort how much of the run it gets
 * @param samplesPerRound how many samples make a round, at most
 * @param yardstick the C program that does the same
 * @param maker prepares to measure Torpor
 */
record Operation(
    Subject subject, Effort effort, int samplesPerRound, YardstickCommand yardstick, Maker maker) {

  /** How much of the run an operation gets. */
  enum Effort {
    /** In the short run too. */
    HEADLINE,
    /** Only in the full run. */
    FULL,
    /** The same, and all of its rounds one after the other, as it takes long to prepare. */
    FULL_AT_ONCE
  }

  /** Makes what measures an operation. */
  @FunctionalInterface
  interface Maker {
    /** Prepares to measure, with a store in a folder. */
    Benchmark make(Operation operation, Path folder) throws InterruptedException;
  }

  String label() {
    return subject.label();
  }

  /** Prepares to measure Torpor, with a store in a folder; the caller closes it. */
  Benchmark prepare(Path folder) throws InterruptedException {
    return maker.make(this, folder);
  }
}
