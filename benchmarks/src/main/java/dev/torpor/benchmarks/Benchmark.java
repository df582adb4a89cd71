package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** One operation of Torpor's, ready to be measured again and again. */
interface Benchmark extends AutoCloseable {
  /** What it measures. */
  Operation measured();

  /** The C program that does the same. */
  default YardstickCommand yardstick() {
    return measured().yardstick();
  }

  /**
   * Takes a round of samples, after warming up as often as the caller likes. Between two rounds no
   * guest runs: it would have a processor that the C program is to have.
   */
  Distribution measure(int count) throws InterruptedException;

  /** What the rounds so far have left beside their samples was only warming up. */
  default void forget() {}

  /** How many bytes a sample moves, of what is told as throughput. */
  default OptionalLong bytesPerSample() {
    return OptionalLong.empty();
  }

  /** Other operations that the same rounds have measured, by name. */
  default Map<String, Rounds> alongside() {
    return Map.of();
  }

  /** What takes no turns with a C program, measured now, after the last round. */
  default List<Row> afterwards() throws InterruptedException {
    return List.of();
  }

  /** What there is to tell beside the rows, after the last round. */
  default List<Note> notes() {
    return List.of();
  }

  @Override
  void close();
}
