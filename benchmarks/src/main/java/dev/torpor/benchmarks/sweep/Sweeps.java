package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.ChildJvm;
import dev.torpor.benchmarks.report.Table;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.Callable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Runs the JMH benchmarks, each point in a JVM of its own with the options that Torpor itself runs
 * with, and makes rows of the results.
 *
 * <pre>
 * java -cp 'benchmarks/target/app/*' dev.torpor.benchmarks.sweep.Sweeps --short
 * </pre>
 */
@Command(
    name = "sweeps",
    mixinStandardHelpOptions = true,
    description = "Measures operations over ranges of their parameters, with JMH.")
public final class Sweeps implements Callable<Integer> {
  @Option(names = "--short", description = "One or two points of each operation: some minutes.")
  private boolean brief;

  @Option(
      names = "--only",
      paramLabel = "PREFIX",
      defaultValue = "",
      description = "Only points whose descriptions begin so, such as \"pause\".")
  private String only;

  @Option(
      names = "--minutes",
      paramLabel = "N",
      defaultValue = "20",
      description = "Begin no further point after so many minutes (default: ${DEFAULT-VALUE}).")
  private int minutes;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      defaultValue = "${sys:java.io.tmpdir}",
      description = "Put stores for checkpoints there, for as long as they are needed.")
  private Path folder;

  private Sweeps() {}

  /**
   * Measures and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    CommandLine commandLine =
        new CommandLine(new Sweeps())
            .setExecutionExceptionHandler(
                (failure, line, _) -> {
                  line.getErr().println("sweeps: " + failure.getMessage());
                  return line.getCommandSpec().exitCodeOnExecutionException();
                });
    System.exit(commandLine.execute(arguments));
  }

  @Override
  public Integer call() {
    List<Trial> trials = brief ? SweepPlan.brief() : SweepPlan.full();
    trials = trials.stream().filter(trial -> trial.describe().startsWith(only)).toList();
    System.out.println(Table.header());
    List<SweepResult> results = run(trials, folder, brief, Duration.ofMinutes(minutes));
    results.stream()
        .flatMap(result -> result.allocation().stream())
        .forEach(note -> System.out.println(note.text()));
    return results.isEmpty() ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
  }

  /**
   * Measures everything, prints rows as they come, and tells on the standard error how far it is.
   *
   * @param brief whether only one or two points of each operation
   * @param folder where stores go, for as long as they are needed
   * @param most begins no further point after this
   * @return the results, without those of points that failed
   */
  public static List<SweepResult> run(boolean brief, Path folder, Duration most) {
    return run(brief ? SweepPlan.brief() : SweepPlan.full(), folder, brief, most);
  }

  static List<SweepResult> run(List<Trial> trials, Path folder, boolean brief, Duration most) {
    ChildJvm.requireClassPath();
    long start = System.nanoTime();
    List<SweepResult> results = new ArrayList<>();
    int begun = 0;
    for (Trial trial : trials) {
      if (begun > 0 && System.nanoTime() - start > most.toNanos()) {
        System.err.printf(
            "sweeps: %d points are left out, as %s are over%n", trials.size() - begun, most);
        break;
      }
      System.err.printf("sweeps: %d of %d: %s%n", ++begun, trials.size(), trial.describe());
      for (SweepResult result : resultsOrNone(trial, folder, brief)) {
        System.out.println(Table.text(result.row()));
        results.add(result);
      }
    }
    return results;
  }

  /** A point that fails is told, and missing; the others are measured all the same. */
  private static List<SweepResult> resultsOrNone(Trial trial, Path folder, boolean brief) {
    try {
      return results(trial, measure(trial, folder, brief));
    } catch (RunnerException e) {
      System.err.printf("sweeps: %s failed: %s%n", trial.describe(), reason(e));
      return List.of();
    }
  }

  /** What went wrong in the JVM that measured: JMH's own messages only say that something did. */
  private static String reason(Throwable failure) {
    Throwable cause = failure;
    while (cause.getCause() != null || cause.getSuppressed().length > 0) {
      cause = cause.getCause() != null ? cause.getCause() : cause.getSuppressed()[0];
    }
    return cause.getMessage();
  }

  private static List<SweepResult> results(Trial trial, RunResult run) {
    List<SweepResult> results = new ArrayList<>();
    results.add(SweepResult.of(trial.operation(), trial, run));
    if (run.getSecondaryResults().containsKey(PauseSweep.DURABLE)) {
      results.add(SweepResult.of(PauseSweep.DURABLE, trial, run));
    }
    return results;
  }

  private static RunResult measure(Trial trial, Path folder, boolean brief) throws RunnerException {
    ChainedOptionsBuilder options =
        new OptionsBuilder()
            .include("^" + trial.benchmark().getName().replace(".", "\\.") + "\\.")
            .forks(1)
            .shouldFailOnError(true)
            .verbosity(VerboseMode.SILENT)
            .timeout(TimeValue.minutes(2))
            .addProfiler(GCProfiler.class)
            .addProfiler(Recorder.class)
            .jvm(ChildJvm.java().toString())
            .jvmArgs(jvmOptions(folder));
    if (brief) {
      options.warmupIterations(1).measurementIterations(2).measurementTime(TimeValue.seconds(1));
    }
    trial.parameters().forEach(options::param);
    Collection<RunResult> results = new Runner(options.build()).run();
    return results.iterator().next();
  }

  private static String[] jvmOptions(Path folder) {
    List<String> options = new ArrayList<>(ChildJvm.OPTIONS);
    options.add("-XX:+UseSerialGC");
    options.add("-D" + SweepFolder.PROPERTY + "=" + folder.toAbsolutePath());
    return options.toArray(String[]::new);
  }
}
