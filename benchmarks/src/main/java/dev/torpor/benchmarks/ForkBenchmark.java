package dev.torpor.benchmarks;

import dev.torpor.benchmarks.report.Row;
import dev.torpor.vmm.vm.RestoreConfig;
import dev.torpor.vmm.vm.Vm;
import java.nio.file.Path;
import java.util.AbstractList;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * How long one child of a warm VM takes, once the instant that all of them continue from is
 * written: until it could run, or until its first exit. The children of a round live together.
 */
final class ForkBenchmark implements Benchmark {
  private static final int FORKS_OF_ONE = 20;
  private static final long MEMORY_BYTES = 256L << 20;

  private final Operation operation;
  private final boolean untilExit;
  private final ScratchStore scratch;
  private final Vm parent;

  ForkBenchmark(Operation operation, Path folder, boolean untilExit) throws InterruptedException {
    this.operation = operation;
    this.untilExit = untilExit;
    scratch = new ScratchStore(folder);
    parent = WarmVm.create(scratch.store(), MEMORY_BYTES);
    parent.checkpoint("").awaitDurable();
  }

  /** Tells when each child was begun: when it was looked up what it shall be like. */
  private static final class TimedChildren extends AbstractList<RestoreConfig> {
    private final List<RestoreConfig> configs = new ArrayList<>();
    private final long[] begunNanos;

    TimedChildren(int count) {
      for (int i = 0; i < count; i++) {
        configs.add(RestoreConfig.named("child-" + i).build());
      }
      begunNanos = new long[count];
    }

    @Override
    public RestoreConfig get(int index) {
      begunNanos[index] = System.nanoTime();
      return configs.get(index);
    }

    @Override
    public int size() {
      return configs.size();
    }

    long[] durations(long endNanos) {
      long[] durations = new long[begunNanos.length];
      for (int i = 0; i < durations.length; i++) {
        long end = i + 1 < durations.length ? begunNanos[i + 1] : endNanos;
        durations[i] = end - begunNanos[i];
      }
      return durations;
    }
  }

  @Override
  public Operation measured() {
    return operation;
  }

  @Override
  public Distribution measure(int count) throws InterruptedException {
    TimedChildren timed = new TimedChildren(count);
    List<Vm> children = parent.fork(timed);
    long[] samples = timed.durations(System.nanoTime());
    for (int i = 0; untilExit && i < count; i++) {
      long before = System.nanoTime();
      WarmVm.runToFirstExit(children.get(i));
      samples[i] += System.nanoTime() - before;
      children.get(i).pause();
    }
    children.forEach(Vm::close);
    return Distribution.of(samples);
  }

  @Override
  public List<Row> afterwards() throws InterruptedException {
    return untilExit ? List.of() : List.of(wholeFork());
  }

  /** One child, and the instant before it: from the call to its return. */
  private Row wholeFork() throws InterruptedException {
    long[] samples = new long[FORKS_OF_ONE];
    for (int i = 0; i < samples.length; i++) {
      long before = System.nanoTime();
      try (Vm _ = parent.fork("child")) {
        samples[i] = System.nanoTime() - before;
      }
    }
    return Row.ofTorpor(
        "fork-whole",
        Map.of("memory", "256 MiB", "children", "1"),
        Distribution.of(samples).figures());
  }

  @Override
  public void close() {
    parent.close();
    scratch.close();
  }
}
