package dev.torpor.benchmarks;

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

  @Override
  void close();
}
