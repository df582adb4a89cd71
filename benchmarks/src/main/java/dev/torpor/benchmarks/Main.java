package dev.torpor.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.torpor.benchmarks.Operation.Effort;
import dev.torpor.benchmarks.report.Figures;
import dev.torpor.benchmarks.report.Host;
import dev.torpor.benchmarks.report.HtmlReport;
import dev.torpor.benchmarks.report.Note;
import dev.torpor.benchmarks.report.OutputFile;
import dev.torpor.benchmarks.report.Quantity;
import dev.torpor.benchmarks.report.Results;
import dev.torpor.benchmarks.report.ResultsReader;
import dev.torpor.benchmarks.report.ResultsWriter;
import dev.torpor.benchmarks.report.Row;
import dev.torpor.benchmarks.report.Table;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The entry point of {@code torpor bench}. */
@Command(
    name = "torpor bench",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures Torpor, C programs that make the same system calls on the same guest, and QEMU where it is"
          + " installed, in turns and in one run. What counts is the ratio: Torpor's median in units of theirs."
          + " Below 1 Torpor is faster; of throughputs (MB/s), above 1.",
      "",
      "Rounds of both sides take turns, in pairs. A p50 is the mean of the medians of those pairs whose ratios are in the middle"
          + " half, a p99 that of all samples; ± is half the interquartile range of the ratios. docs/benchmarks.md says what is"
          + " measured, how, and what it does not show.",
      ""
    },
    footer = {
      "",
      "Examples:",
      "  torpor bench --quick                               the headline table, in less than five minutes",
      "  torpor bench --only fork --only pause:memory=1GiB  these alone",
      "  torpor bench --html report.html                    everything, also as a page with plots",
      "  torpor bench --html report.html --from result.json a page of what was measured before",
      "",
      "A full run also writes benchmarks/results/<date>-<host>.json. Without /dev/kvm it is"
          + " measured in the lab, an emulated machine: no figure holds on hardware, and a quick run takes ten minutes."
    })
public final class Main implements Callable<Integer> {
  private static final int PEER_SAMPLES = 20;
  private static final int PEER_SAMPLES_IN_QUICK_RUN = 3;
  private static final Duration MOST_IN_LAB_IF_QUICK = Duration.ofMinutes(40);
  private static final Duration MOST_IN_LAB = Duration.ofHours(10);
  private static final long QUICK_BYTES = 5L << 30;
  private static final long FULL_BYTES = 12L << 30;

  @Option(names = "--quick", description = "The headline operations only, in five minutes at most.")
  private boolean quick;

  @Option(
      names = "--only",
      paramLabel = "OPERATION[:NAME=VALUE,...]",
      description = {
        "Only operations of that name, or with these parameters besides: pause,"
            + " pause:memory=1GiB. May be repeated."
      })
  private List<String> only = new ArrayList<>();

  @Option(
      names = "--rounds",
      paramLabel = "N",
      defaultValue = "12",
      description =
          "How many rounds each side of a full run measures, spread over three sweeps (default:"
              + " ${DEFAULT-VALUE}).")
  private int rounds;

  @Option(names = "--json", paramLabel = "FILE", description = "Also write the results there.")
  private Path json;

  @Option(
      names = "--html",
      paramLabel = "FILE",
      description = "Also write them there as one page with plots, which needs no network.")
  private Path html;

  @Option(
      names = "--from",
      paramLabel = "JSON",
      description = "Measure nothing: show what --json wrote, or make it a page with --html.")
  private Path from;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      defaultValue = "${sys:java.io.tmpdir}",
      description =
          "Put stores there for as long as they are needed (${DEFAULT-VALUE}). The disk is part of"
              + " what is measured.")
  private Path storeFolder;

  @Option(names = "--no-peer", description = "Leave QEMU out.")
  private boolean withoutPeer;

  @Option(
      names = "--no-sweeps",
      description =
          "Leave out what a full run measures of Torpor alone, which takes half an hour: sweeps over"
              + " parameters (JMH), garbage collectors, costs over time.")
  private boolean comparisonOnly;

  @Option(
      names = "--yardsticks",
      description = "Measure the C programs alone, without Torpor, and print a table.")
  private boolean yardsticks;

  @Option(
      names = "--json-only",
      hidden = true,
      description = "Print and keep no results: what a host without KVM has the lab do.")
  private boolean jsonOnly;

  @Option(names = "--list", description = "List what is measured, as --only takes it.")
  private boolean list;

  @Spec private CommandSpec spec;

  private Main() {}

  /**
   * Measures and ends the process with its exit code: 0, 1 if something failed, 2 if the command
   * line is wrong.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    // Whatever the locale: the table has µs in it.
    PrintWriter out = new PrintWriter(new FileOutputStream(FileDescriptor.out), true, UTF_8);
    System.exit(commandLine().setOut(out).execute(arguments));
  }

  /** Reads a command line, and runs what it says. */
  static CommandLine commandLine() {
    return new CommandLine(new Main())
        .setExecutionExceptionHandler(
            (failure, line, parsed) -> {
              line.getErr().println("torpor bench: " + failure.getMessage());
              return line.getCommandSpec().exitCodeOnExecutionException();
            });
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<Operation> operations = checkedOperations();
    if (list) {
      spec.commandLine().getOut().println("  " + Selection.choices());
      return CommandLine.ExitCode.OK;
    }
    for (Path file : outputs()) {
      OutputFile.requireWritable(file);
    }
    if (from != null) {
      publish(ResultsReader.read(from));
    } else if (yardsticks) {
      measureYardsticks(operations);
    } else {
      return measure(operations);
    }
    return CommandLine.ExitCode.OK;
  }

  private List<Path> outputs() {
    List<Path> files = new ArrayList<>();
    if (json != null) {
      files.add(json);
    }
    if (html != null) {
      files.add(html);
    }
    return files;
  }

  /** What is to be measured, if the command line makes sense. */
  private List<Operation> checkedOperations() {
    if (rounds < 1) {
      throw wrong("--rounds " + rounds + ": must be at least 1");
    }
    if (from != null && (quick || yardsticks || !only.isEmpty())) {
      throw wrong("--from measures nothing, so --quick, --only and --yardsticks make no sense");
    }
    if (from == null && !Files.isDirectory(storeFolder)) {
      throw wrong("--store " + storeFolder + ": is not a folder");
    }
    try {
      List<Selection> selections = only.stream().map(Selection::parse).toList();
      return Operations.ALL.stream()
          .filter(one -> wants(selections, one))
          .filter(one -> !quick || one.effort() == Effort.HEADLINE)
          .toList();
    } catch (IllegalArgumentException e) {
      throw wrong("--only " + e.getMessage());
    }
  }

  private static boolean wants(List<Selection> selections, Operation operation) {
    return selections.isEmpty()
        || selections.stream().anyMatch(one -> one.matches(operation.subject()));
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private static Path home() {
    return Path.of(System.getenv().getOrDefault("TORPOR_HOME", "."));
  }

  private int measure(List<Operation> operations) throws IOException, InterruptedException {
    if (operations.isEmpty()) {
      throw wrong("--quick measures none of these; leave it out");
    }
    boolean whole = !quick && only.isEmpty();
    HostState state = new HostState(Path.of("/"));
    Results results;
    boolean failed;
    if (state.hasKvm() || isInLab()) {
      Run run = new Run(operations, home(), storeFolder, pace(), Progress.standard());
      results = measure(run, host(state), whole);
      failed = run.hasFailures();
    } else {
      LabRun lab = new LabRun(home(), quick ? MOST_IN_LAB_IF_QUICK : MOST_IN_LAB);
      results = measureIn(lab);
      failed = lab.hasFailures();
    }
    publish(results);
    if (whole && !jsonOnly) {
      keep(results);
    }
    return failed ? CommandLine.ExitCode.SOFTWARE : CommandLine.ExitCode.OK;
  }

  private Pace pace() {
    if (!quick) {
      return Pace.full(rounds);
    }
    return isInLab() ? Pace.QUICK_IN_LAB : Pace.QUICK;
  }

  private Results measure(Run run, Host host, boolean whole)
      throws IOException, InterruptedException {
    host.disturbances().forEach(line -> System.err.println("disturbs: " + line));
    run.measure(quick, peerSamples());
    List<Row> rows = new ArrayList<>(run.rows());
    List<Note> notes = new ArrayList<>(run.notes());
    if (whole && !comparisonOnly) {
      WholeRun more = new WholeRun();
      more.measure(storeFolder);
      rows.addAll(more.rows());
      notes.addAll(more.notes());
    }
    return new Results(host, rows, notes);
  }

  private static boolean isInLab() {
    return System.getenv("TORPOR_IN_LAB") != null;
  }

  private Results measureIn(LabRun lab) throws IOException, InterruptedException {
    List<String> arguments = new ArrayList<>(List.of("--rounds", Integer.toString(rounds)));
    only.forEach(one -> arguments.addAll(List.of("--only", one)));
    if (quick) {
      arguments.add("--quick");
    }
    if (withoutPeer) {
      arguments.add("--no-peer");
    }
    if (comparisonOnly) {
      arguments.add("--no-sweeps");
    }
    return lab.measure(arguments);
  }

  private int peerSamples() {
    if (withoutPeer) {
      return 0;
    }
    return quick ? PEER_SAMPLES_IN_QUICK_RUN : PEER_SAMPLES;
  }

  private Host host(HostState state) {
    int cores = Runtime.getRuntime().availableProcessors();
    List<String> disturbances = new ArrayList<>();
    if (isInLab()) {
      disturbances.add(
          "this machine is emulated, so no figure holds on hardware: measure where there is a /dev/kvm");
    }
    disturbances.addAll(HostCheck.disturbances(state, cores, quick ? QUICK_BYTES : FULL_BYTES));
    return new Host(HostFacts.of(state, home(), storeFolder), disturbances);
  }

  private void publish(Results results) throws IOException {
    if (!jsonOnly) {
      print(results);
    }
    if (json != null) {
      OutputFile.write(json, ResultsWriter.write(results));
    }
    if (html != null) {
      OutputFile.write(html, HtmlReport.of(results));
    }
  }

  private void print(Results results) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(Table.header());
    for (Row row : results.rows()) {
      out.println(Table.text(row));
    }
    for (Note note : results.notes()) {
      out.println("  " + note.text());
    }
    out.flush();
  }

  /** A full run's results stay, beside those of other days and hosts. */
  private static void keep(Results results) throws IOException {
    Path folder = home().resolve("benchmarks/results");
    String date = results.host().facts().get(HostFacts.DATE).substring(0, 10);
    String name = results.host().facts().get(HostFacts.NAME).replaceAll("[^A-Za-z0-9._-]", "_");
    Path file = folder.resolve(date + "-" + name + ".json");
    try {
      Files.createDirectories(folder);
      OutputFile.write(file, ResultsWriter.write(results));
      System.err.println("results kept in " + file);
    } catch (IOException e) {
      System.err.println("results are not kept: " + e.getMessage());
    }
  }

  private void measureYardsticks(List<Operation> operations) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    out.printf("%-60s %10s %10s%n", "operation", "C p50", "p99");
    for (Operation operation : operations) {
      Rounds theirs = new Rounds();
      try (Yardstick yardstick = Yardstick.start(home(), operation.yardstick().in(storeFolder))) {
        for (int i = 0; i < rounds; i++) {
          theirs.add(yardstick.measure(operation.samplesPerRound()));
        }
      }
      Figures figures = theirs.figures();
      out.printf(
          "%-60s %10s %10s%n",
          operation.label(),
          Quantity.text(figures.p50(), figures.unit()),
          Quantity.text(figures.p99(), figures.unit()));
    }
  }
}
