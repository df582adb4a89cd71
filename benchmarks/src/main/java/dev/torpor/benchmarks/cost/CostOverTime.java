package dev.torpor.benchmarks.cost;

import dev.torpor.benchmarks.Scatter;
import dev.torpor.benchmarks.WritingVm;
import dev.torpor.benchmarks.report.Table;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * What a VM's checkpoints cost for as long as they go on: how much less its guest gets done, how
 * many a second the store takes, how many bytes they need, and what the VMM's memory grows to.
 *
 * <pre>
 * java -XX:+UseSerialGC --enable-native-access=ALL-UNNAMED \
 *     --sun-misc-unsafe-memory-access=allow -cp 'benchmarks/target/app/*' \
 *     dev.torpor.benchmarks.cost.CostOverTime
 * </pre>
 */
@Command(
    name = "cost-over-time",
    mixinStandardHelpOptions = true,
    description = "Measures what checkpoints cost for as long as they go on.")
public final class CostOverTime implements Callable<Integer> {
  private static final long MEMORY_BYTES = 256L << 20;
  private static final List<Integer> INTERVAL_MILLIS = List.of(10, 100, 1000);
  private static final int WARM_UP_SHARE = 4;
  private static final List<Integer> FORKS = List.of(0, 1, 10, 100);

  @Option(
      names = "--pages",
      paramLabel = "N",
      defaultValue = "1000",
      description = "How many pages the guest writes (default: ${DEFAULT-VALUE}).")
  private int pages;

  @Option(
      names = "--slowdown-seconds",
      paramLabel = "N",
      defaultValue = "5",
      description = "How long a guest runs in a round (default: ${DEFAULT-VALUE}).")
  private int slowdownSeconds;

  @Option(
      names = "--slowdown-rounds",
      paramLabel = "N",
      defaultValue = "5",
      description = "How many rounds there are (default: ${DEFAULT-VALUE}).")
  private int slowdownRounds;

  @Option(
      names = "--sustained-seconds",
      paramLabel = "N",
      defaultValue = "60",
      description = "How long checkpoints follow each other (default: ${DEFAULT-VALUE}).")
  private int sustainedSeconds;

  @Option(
      names = "--store",
      paramLabel = "DIR",
      defaultValue = "${sys:java.io.tmpdir}",
      description = "Put checkpoints there, for as long as they are needed.")
  private Path folder;

  private CostOverTime() {}

  /**
   * How long each part takes.
   *
   * @param slowdown how long a guest runs in a round
   * @param slowdownRounds how many rounds there are for each distance between checkpoints
   * @param sustained how long checkpoints follow each other
   * @param forks how many forks to weigh, one number after the other; 0 for the VMM alone
   */
  public record Times(
      Duration slowdown, int slowdownRounds, Duration sustained, List<Integer> forks) {
    /** Keeps a copy. */
    public Times {
      forks = List.copyOf(forks);
    }

    /** Eight minutes and a half. */
    public static final Times FULL =
        new Times(Duration.ofSeconds(5), 5, Duration.ofMinutes(1), FORKS);
  }

  /**
   * Measures and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    CommandLine commandLine =
        new CommandLine(new CostOverTime())
            .setExecutionExceptionHandler(
                (failure, line, _) -> {
                  line.getErr().println("cost-over-time: " + failure.getMessage());
                  return line.getCommandSpec().exitCodeOnExecutionException();
                });
    System.exit(commandLine.execute(arguments));
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    Times times =
        new Times(
            Duration.ofSeconds(slowdownSeconds),
            slowdownRounds,
            Duration.ofSeconds(sustainedSeconds),
            FORKS);
    System.out.println(Table.header());
    Outcome all = measure(folder, pages, times);
    all.rows().forEach(row -> System.out.println(Table.text(row)));
    all.notes().forEach(note -> System.out.println(note.text()));
    return CommandLine.ExitCode.OK;
  }

  /**
   * Measures everything, and tells on the standard error how far it is.
   *
   * @param folder where checkpoints go, for as long as they are needed
   * @param pages how many pages the guests write, all over 256 MiB
   * @param times how long it takes; a part that takes no time is left out
   * @return rows and notes
   * @throws IOException if a JVM of its own cannot be started, or fails
   * @throws InterruptedException if the thread is interrupted
   */
  public static Outcome measure(Path folder, int pages, Times times)
      throws IOException, InterruptedException {
    WritingVm.Shape shape = WritingVm.Shape.of(MEMORY_BYTES, pages);
    List<Outcome> parts = new ArrayList<>();
    System.err.println("cost over time: memory of forks");
    parts.add(ForksInMemory.measure(folder, times.forks()));
    if (times.slowdown().isPositive()) {
      parts.addAll(slowdowns(folder, shape, "a word of each of " + pages + " pages", times));
      WritingVm.Shape filling =
          new WritingVm.Shape(MEMORY_BYTES, Scatter.filling(MEMORY_BYTES, pages), true);
      parts.addAll(slowdowns(folder, filling, pages + " pages as a whole", times));
    }
    if (times.sustained().isPositive()) {
      System.err.println("cost over time: as many checkpoints as the store takes");
      try (SustainedRate rate = new SustainedRate(folder, shape)) {
        parts.add(rate.measure(times.sustained().dividedBy(WARM_UP_SHARE), times.sustained()));
      }
    }
    return new Outcome(
        parts.stream().flatMap(part -> part.rows().stream()).toList(),
        parts.stream().flatMap(part -> part.notes().stream()).toList());
  }

  private static List<Outcome> slowdowns(
      Path folder, WritingVm.Shape shape, String work, Times times) throws InterruptedException {
    List<Outcome> parts = new ArrayList<>();
    try (Slowdown slowdown = new Slowdown(folder, shape, work)) {
      System.err.println("cost over time: being watched, " + work);
      parts.add(slowdown.measureWatching(times.slowdown(), times.slowdownRounds()));
      for (int millis : INTERVAL_MILLIS) {
        System.err.println("cost over time: a checkpoint every " + millis + " ms, " + work);
        Duration interval = Duration.ofMillis(millis);
        parts.add(slowdown.measure(interval, times.slowdown(), times.slowdownRounds()));
      }
    }
    return parts;
  }
}
