package dev.torpor.benchmarks.sweep;

import dev.torpor.benchmarks.ChildJvm;
import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.Row;
import dev.torpor.benchmarks.report.Table;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Page faults beside a thread that allocates, with each garbage collector: what the thread that
 * answers them, which is Java, has of it.
 *
 * <pre>
 * java -cp 'benchmarks/target/app/*' dev.torpor.benchmarks.sweep.Collectors
 * </pre>
 */
@Command(
    name = "collectors",
    mixinStandardHelpOptions = true,
    description = "Measures page faults beside a thread that allocates, with each collector.")
public final class Collectors implements Callable<Integer> {
  /** As JVM options name them. */
  public static final List<String> ALL =
      List.of("UseSerialGC", "UseParallelGC", "UseG1GC", "UseZGC");

  private static final String HEAP = "-Xmx512m";

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "10",
      description = "Rounds of 4,000 faults each, idle and not (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(
      names = "--mebibytes",
      paramLabel = "N",
      defaultValue = "1024",
      description = "How much is allocated each second (default: ${DEFAULT-VALUE}).")
  private int mebibytesPerSecond;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      defaultValue = "${sys:java.io.tmpdir}",
      description = "Put checkpoints there, for as long as they are needed.")
  private Path folder;

  private Collectors() {}

  /**
   * What one collector does to faults.
   *
   * @param rows {@code fault}, idle and beside the thread that allocates
   * @param notes the longest stop of all Java threads, how the 99th percentiles compare, and how
   *     much was allocated
   */
  public record Result(List<Row> rows, List<Note> notes) {
    /** Keeps copies. */
    public Result {
      rows = List.copyOf(rows);
      notes = List.copyOf(notes);
    }

    static Result of(String collector, CollectorResult measured, long longestStopNanos) {
      Figures idle = measured.idle();
      Figures beside = measured.beside();
      return new Result(
          List.of(row(collector, "idle", idle), row(collector, "busy", beside)),
          List.of(
              new Note(
                  collector + ": p99 beside the allocating thread to idle",
                  (double) beside.p99() / idle.p99(),
                  "times"),
              Note.millis(collector + ": longest stop of all Java threads", longestStopNanos),
              new Note(collector + ": allocated", measured.bytesPerSecond() / 1048576.0, "MiB/s")));
    }

    private static Row row(String collector, String heap, Figures figures) {
      Map<String, String> parameters =
          Map.of("clusterPages", "1", "collector", collector, "heap", heap);
      return Row.ofTorpor("fault", parameters, figures);
    }
  }

  /**
   * Measures and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    CommandLine commandLine =
        new CommandLine(new Collectors())
            .setExecutionExceptionHandler(
                (failure, line, _) -> {
                  line.getErr().println("collectors: " + failure.getMessage());
                  return line.getCommandSpec().exitCodeOnExecutionException();
                });
    System.exit(commandLine.execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    System.out.println(Table.header());
    for (String collector : ALL) {
      Result result = measure(collector, folder, rounds, (long) mebibytesPerSecond << 20);
      result.rows().forEach(row -> System.out.println(Table.text(row)));
      result.rows().forEach(row -> System.out.println("  longest: " + row.torpor().max() + " ns"));
      result.notes().forEach(note -> System.out.println("  " + note.text()));
    }
    return CommandLine.ExitCode.OK;
  }

  /**
   * Measures one collector, in a JVM of its own.
   *
   * @param collector one of {@link #ALL}
   * @param folder where checkpoints go, for as long as they are needed
   * @param rounds how many rounds of 4,000 faults, idle and not
   * @param bytesPerSecond how much is allocated
   * @return rows and notes
   * @throws IOException if the JVM cannot be started, or fails
   * @throws InterruptedException if the thread is interrupted
   */
  public static Result measure(String collector, Path folder, int rounds, long bytesPerSecond)
      throws IOException, InterruptedException {
    Path log = Files.createTempFile(folder, "torpor-stops-", ".log");
    try {
      String printed =
          ChildJvm.run(
              List.of("-XX:+" + collector, HEAP, StopLog.JVM_OPTION.formatted(log)),
              FaultsBesideGarbage.class,
              List.of(folder.toString(), Integer.toString(rounds), Long.toString(bytesPerSecond)));
      CollectorResult measured = CollectorResult.parse(printed);
      long stop = StopLog.longestNanos(Files.readAllLines(log), measured.warmMillis());
      return Result.of(collector, measured, stop);
    } finally {
      Files.delete(log);
    }
  }
}
