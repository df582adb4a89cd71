package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Note;
import java.util.List;

/**
 * How long a guest's write to a device takes, from one to the next: out of the guest, through the
 * run loop and the bus to a device that notes the time, and back. Also how much that allocates.
 */
final class ExitBenchmark implements Benchmark {
  private final ExitingGuest guest = new ExitingGuest();
  private final Operation operation;

  ExitBenchmark(Operation operation) {
    this.operation = operation;
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    long[] samples = new long[count];
    guest.run(samples);
    return Distribution.of(samples);
  }

  /** What each exit of the last round allocated on the vCPU's thread. */
  @Override
  public List<Note> notes() {
    return List.of(new Note("allocated per exit", guest.allocatedBytesPerExit(), "bytes"));
  }

  @Override
  public void close() {
    guest.close();
  }
}
