package dev.torpor.benchmarks.peer;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures other monitors alone, and prints a table.
 *
 * <pre>
 * java -cp 'benchmarks/target/app/*' dev.torpor.benchmarks.peer.PeerComparison --samples 20
 * </pre>
 */
@Command(
    name = "PeerComparison",
    mixinStandardHelpOptions = true,
    description = "Measures QEMU on the guest that Torpor is measured on.")
public final class PeerComparison implements Callable<Integer> {
  private static final int MEBIBYTE_SHIFT = 20;

  @Option(
      names = "--samples",
      paramLabel = "N",
      defaultValue = "10",
      description = "How many samples of each (default: ${DEFAULT-VALUE}).")
  private int samples;

  @Option(
      names = "--memory",
      paramLabel = "MIB",
      defaultValue = "1024",
      description = "How much memory the guest has (default: ${DEFAULT-VALUE}).")
  private long mebibytes;

  @Option(
      names = "--pages",
      paramLabel = "N",
      defaultValue = "2000",
      description = "How many pages it writes to (default: ${DEFAULT-VALUE}).")
  private long pages;

  @Option(
      names = "--folder",
      paramLabel = "DIR",
      defaultValue = "${sys:java.io.tmpdir}",
      description = "Put files there, for as long as they are needed (${DEFAULT-VALUE}).")
  private Path folder;

  @Option(names = "--qemu", paramLabel = "FILE", description = "Not the QEMU on the path.")
  private Path qemu;

  @Option(
      names = "--accel",
      paramLabel = "NAME",
      defaultValue = "kvm",
      description = "What runs the guest: kvm or tcg (default: ${DEFAULT-VALUE}).")
  private String accelerator;

  private PeerComparison() {}

  /**
   * Measures and ends the process with its exit code.
   *
   * @param arguments the command line
   */
  public static void main(String[] arguments) {
    System.exit(new CommandLine(new PeerComparison()).execute(arguments));
  }

  @Override
  public Integer call() {
    Optional<Path> program = Optional.ofNullable(qemu).or(QemuSettings::installed);
    if (program.isEmpty()) {
      System.err.println(QemuSettings.HOW_TO_INSTALL);
      return CommandLine.ExitCode.OK;
    }
    if (samples < 1) {
      System.err.println("--samples " + samples + ": must be at least 1");
      return CommandLine.ExitCode.USAGE;
    }
    print(new QemuPeer(settings(program.get()), System.err::println));
    return CommandLine.ExitCode.OK;
  }

  private QemuSettings settings(Path program) {
    Path home = Path.of(System.getenv().getOrDefault("TORPOR_HOME", "."));
    QemuSettings usual = QemuSettings.usual(program, home, folder);
    PeerGuest guest = new PeerGuest(mebibytes << MEBIBYTE_SHIFT, pages);
    return new QemuSettings(program, accelerator, usual.kernel(), folder, guest);
  }

  private void print(QemuPeer peer) {
    System.out.println(PeerFigures.HEADER);
    List<PeerFigures> figures = peer.checkpoints(samples);
    figures.forEach(row -> System.out.println(row.text()));
    peer.restores(samples).forEach(row -> System.out.println(row.text()));
    peer.reverts(samples).forEach(row -> System.out.println(row.text()));
    PeerFigures.best(figures, PeerFigures.PAUSE)
        .ifPresent(best -> System.out.println(best.parameters()));
  }
}
