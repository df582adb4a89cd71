package dev.torpor.benchmarks;

/** A benchmark of one of the operations on checkpoints. */
interface CheckpointBenchmark extends Benchmark {
  /** What it measures. */
  CheckpointOperation measured();

  @Override
  default String operation() {
    return measured().name();
  }

  @Override
  default YardstickCommand yardstick() {
    return measured().yardstick();
  }

  @Override
  default int samplesPerRound() {
    return measured().samplesPerRound();
  }
}
