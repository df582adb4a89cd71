package dev.torpor.benchmarks.peer;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
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
    description = "Measures other monitors on the guest that Torpor is measured on.")
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

  @Option(
      names = "--firecracker",
      paramLabel = "FILE",
      description = "Measure this Firecracker, too.")
  private Path firecracker;

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
    if (samples < 1) {
      System.err.println("--samples " + samples + ": must be at least 1");
      return CommandLine.ExitCode.USAGE;
    }
    PeerGuest guest = new PeerGuest(mebibytes << MEBIBYTE_SHIFT, pages);
    Optional<Path> program = Optional.ofNullable(qemu).or(QemuSettings::installed);
    System.out.println(PeerFigures.HEADER);
    if (program.isEmpty()) {
      System.err.println(QemuSettings.HOW_TO_INSTALL);
    } else {
      measureQemu(new QemuSettings(program.get(), accelerator, kernel(), folder, guest));
    }
    if (firecracker != null) {
      print(
          new FirecrackerPeer(firecracker, kernel(), folder, guest, System.err::println)
              .all(samples));
    }
    return CommandLine.ExitCode.OK;
  }

  private static Path kernel() {
    Path home = Path.of(System.getenv().getOrDefault("TORPOR_HOME", "."));
    return QemuSettings.kernel(home);
  }

  private void measureQemu(QemuSettings settings) {
    QemuPeer peer = new QemuPeer(settings, System.err::println);
    print(peer.checkpoints(samples));
    print(peer.restores(samples));
    print(peer.reverts(samples));
  }

  private static void print(List<PeerFigures> figures) {
    figures.forEach(row -> System.out.println(row.text()));
    if (!figures.isEmpty()) {
      System.out.println(new TreeMap<>(figures.getFirst().parameters()));
    }
  }
}
