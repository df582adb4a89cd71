package dev.torpor.benchmarks.sweep;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ResultRole;
import org.openjdk.jmh.results.SampleTimeResult;
import org.openjdk.jmh.results.ScalarResult;
import org.openjdk.jmh.util.SampleBuffer;

/**
 * Takes the times that a benchmark is about, where those are not how long its method took: of a
 * checkpoint the guest's pause, of a guest each of its exits. JMH then has them as a distribution
 * beside its own figures.
 *
 * <p>Part of the harness: JMH makes one in the JVM that measures. Safe from every thread.
 */
public final class Recorder implements InternalProfiler {
  /** What an operation allocates on the one thread that it is made for. */
  static final String ALLOCATED = "allocated";

  private static final Map<String, SampleBuffer> TIMES = new LinkedHashMap<>();
  private static final List<Double> ALLOCATIONS = new ArrayList<>();

  /** For JMH. */
  public Recorder() {}

  /** Notes how long an operation took. */
  static void time(String operation, long nanos) {
    synchronized (TIMES) {
      TIMES.computeIfAbsent(operation, _ -> new SampleBuffer()).add(nanos);
    }
  }

  /** Notes what each of many operations allocated. */
  static void allocated(double bytesPerOperation) {
    synchronized (TIMES) {
      ALLOCATIONS.add(bytesPerOperation);
    }
  }

  @Override
  public String getDescription() {
    return "Times within a benchmark's operation";
  }

  @Override
  public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {
    synchronized (TIMES) {
      TIMES.clear();
      ALLOCATIONS.clear();
    }
  }

  @Override
  public Collection<? extends Result<?>> afterIteration(
      BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
    List<Result<?>> results = new ArrayList<>();
    synchronized (TIMES) {
      TIMES.forEach(
          (operation, buffer) ->
              results.add(
                  new SampleTimeResult(
                      ResultRole.SECONDARY, operation, buffer, TimeUnit.NANOSECONDS)));
      for (double bytes : ALLOCATIONS) {
        results.add(new ScalarResult(ALLOCATED, bytes, "B/op", AggregationPolicy.AVG));
      }
      TIMES.clear();
      ALLOCATIONS.clear();
    }
    return results;
  }
}
