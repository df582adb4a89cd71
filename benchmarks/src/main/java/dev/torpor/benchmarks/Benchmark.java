package dev.torpor.benchmarks;

import java.util.List;

/** One operation of Torpor's, ready to be measured again and again. */
interface Benchmark extends AutoCloseable {
  /** The operation, as results name it. */
  String operation();

  /** The C program that does the same. */
  YardstickCommand yardstick();

  /** How many samples make a round. */
  int samplesPerRound();

  /** Takes a round of samples, after warming up as often as the caller likes. */
  Distribution measure(int count) throws InterruptedException;

  /** What there is to tell beside the row, after the last round. */
  default List<Note> notes() throws InterruptedException {
    return List.of();
  }

  @Override
  void close();
}
