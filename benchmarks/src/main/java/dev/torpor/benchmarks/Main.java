package dev.torpor.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The entry point of {@code torpor bench}. */
@Command(
    name = "torpor bench",
    mixinStandardHelpOptions = true,
    description = {
      "Measures Torpor and C programs that make the same system calls, in turns.",
      "A figure is the median of the rounds' figures; what counts is the ratio."
    })
public final class Main implements Callable<Integer> {
  private static final int WARM_UP_ROUNDS = 3;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "10",
      description = "How many rounds each side measures (default: ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the results there.")
  private Path json;

  @Option(
      names = "--yardsticks",
      description = "Measure the C programs of checkpoints alone, without Torpor.")
  private boolean yardsticks;

  @Option(
      names = "--only",
      paramLabel = "PREFIX",
      defaultValue = "",
      description = "Only operations whose names begin so.")
  private String only;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      defaultValue = "${sys:java.io.tmpdir}",
      description =
          "Put stores for checkpoints there, for as long as they are needed (${DEFAULT-VALUE}).")
  private Path storeFolder;

  private final List<Row> rows = new ArrayList<>();
  private final List<Note> notes = new ArrayList<>();

  private Main() {}

  /**
   * Measures and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    CommandLine commandLine =
        new CommandLine(new Main())
            .setExecutionExceptionHandler(
                (failure, line, parsed) -> {
                  line.getErr().println("torpor bench: " + failure.getMessage());
                  return line.getCommandSpec().exitCodeOnExecutionException();
                });
    System.exit(commandLine.execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (rounds < 1) {
      System.err.println("torpor bench: --rounds " + rounds + ": must be at least 1");
      return CommandLine.ExitCode.USAGE;
    }
    Path home = Path.of(System.getenv().getOrDefault("TORPOR_HOME", "."));
    if (yardsticks) {
      measureYardsticks(home);
    } else {
      compareAll(home);
    }
    return CommandLine.ExitCode.OK;
  }

  private void compareAll(Path home) throws IOException, InterruptedException {
    System.out.println(Row.HEADER);
    if ("exit".startsWith(only)) {
      report(home, new ExitBenchmark());
    }
    if ("kick".startsWith(only)) {
      report(home, new KickBenchmark());
    }
    for (CheckpointOperation operation : CheckpointOperation.ALL) {
      if (operation.name().startsWith(only)) {
        report(home, operation.prepare(storeFolder));
      }
    }
    if (json != null) {
      Files.writeString(json, asJson());
    }
  }

  private void report(Path home, Benchmark made) throws IOException, InterruptedException {
    try (made) {
      Row row = compare(home, made);
      rows.add(row);
      System.out.println(row.text());
      for (Note note : made.notes()) {
        notes.add(note);
        System.out.println("  " + note.text());
      }
    }
  }

  private void measureYardsticks(Path home) throws IOException {
    System.out.printf("%-32s %12s %12s%n", "operation", "C p50", "p99");
    for (CheckpointOperation operation : CheckpointOperation.ALL) {
      if (operation.name().startsWith(only)) {
        measureYardstick(home, operation);
      }
    }
  }

  private void measureYardstick(Path home, CheckpointOperation operation) throws IOException {
    Rounds theirs = new Rounds();
    try (Yardstick yardstick = Yardstick.start(home, operation.yardstick().in(storeFolder))) {
      for (int i = 0; i < rounds; i++) {
        theirs.add(yardstick.measure(operation.samplesPerRound()));
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%-32s %9.2f µs %9.2f µs%n",
        operation.name(),
        theirs.p50Nanos() / 1e3,
        theirs.p99Nanos() / 1e3);
  }

  /** Rounds of Torpor's and of the yardstick's, alternating. */
  private Row compare(Path home, Benchmark benchmark) throws IOException, InterruptedException {
    Rounds ours = new Rounds();
    Rounds theirs = new Rounds();
    int count = benchmark.samplesPerRound();
    try (Yardstick yardstick = Yardstick.start(home, benchmark.yardstick().in(storeFolder))) {
      for (int i = 0; i < WARM_UP_ROUNDS; i++) {
        benchmark.measure(count);
      }
      for (int i = 0; i < rounds; i++) {
        ours.add(benchmark.measure(count));
        theirs.add(yardstick.measure(count));
      }
    }
    return new Row(
        benchmark.operation(),
        ours.p50Nanos(),
        ours.p99Nanos(),
        theirs.p50Nanos(),
        theirs.p99Nanos());
  }

  private String asJson() {
    return "{\"host\":{\"kernel\":\"%s\",\"jdk\":\"%s\"},\"rows\":[%s],\"notes\":[%s]}%n"
        .formatted(
            System.getProperty("os.version"),
            Runtime.version(),
            rows.stream().map(Row::json).collect(Collectors.joining(",")),
            notes.stream().map(Note::json).collect(Collectors.joining(",")));
  }
}
