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
    List<Row> rows = new ArrayList<>();
    System.out.println(Row.HEADER);
    if ("exit".startsWith(only)) {
      try (ExitBenchmark exit = new ExitBenchmark()) {
        report(rows, compare(home, exit));
        System.out.printf(
            Locale.ROOT, "allocated per exit: %.4f bytes%n", exit.allocatedBytesPerExit());
      }
    }
    if ("kick".startsWith(only)) {
      try (KickBenchmark kick = new KickBenchmark()) {
        report(rows, compare(home, kick));
      }
    }
    if (json != null) {
      Files.writeString(json, asJson(rows));
    }
  }

  private void measureYardsticks(Path home) throws IOException {
    System.out.printf("%-22s %12s %12s%n", "operation", "C p50", "p99");
    for (CheckpointOperation operation : CheckpointOperation.ALL) {
      if (operation.name().startsWith(only)) {
        measureYardstick(home, operation);
      }
    }
  }

  private void measureYardstick(Path home, CheckpointOperation operation) throws IOException {
    Rounds theirs = new Rounds();
    try (Yardstick yardstick = Yardstick.start(home, operation.yardstick())) {
      for (int i = 0; i < rounds; i++) {
        theirs.add(yardstick.measure(operation.samplesPerRound()));
      }
    }
    System.out.printf(
        Locale.ROOT,
        "%-22s %9.2f µs %9.2f µs%n",
        operation.name(),
        theirs.p50Nanos() / 1e3,
        theirs.p99Nanos() / 1e3);
  }

  private static void report(List<Row> rows, Row row) {
    rows.add(row);
    System.out.println(row.text());
  }

  /** Rounds of Torpor's and of the yardstick's, alternating. */
  private Row compare(Path home, Benchmark benchmark) throws IOException, InterruptedException {
    Rounds ours = new Rounds();
    Rounds theirs = new Rounds();
    int count = benchmark.samplesPerRound();
    try (Yardstick yardstick = Yardstick.start(home, benchmark.yardstick())) {
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

  private static String asJson(List<Row> rows) {
    return rows.stream()
        .map(Row::json)
        .collect(
            Collectors.joining(
                ",",
                "{\"host\":{\"kernel\":\""
                    + System.getProperty("os.version")
                    + "\",\"jdk\":\""
                    + Runtime.version()
                    + "\"},\"rows\":[",
                "]}\n"));
  }
}
