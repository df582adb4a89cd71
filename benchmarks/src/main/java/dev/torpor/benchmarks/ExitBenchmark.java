package dev.torpor.benchmarks;

import java.util.List;

/**
 * How long a guest's write to a device takes, from one to the next: out of the guest, through the
 * run loop and the bus to a device that notes the time, and back. Also how much that allocates.
 */
final class ExitBenchmark implements Benchmark {
  private final ExitingGuest guest = new ExitingGuest();

  @Override
  public String operation() {
    return "exit";
  }

  @Override
  public YardstickCommand yardstick() {
    return YardstickCommand.of("exit-yardstick");
  }

  @Override
  public int samplesPerRound() {
    return 20_000;
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
    return List.of(new Note("allocated per exit", guest.allocatedBytesPerExit(), 4, "bytes"));
  }

  @Override
  public void close() {
    guest.close();
  }
}
