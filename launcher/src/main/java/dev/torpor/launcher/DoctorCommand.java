package dev.torpor.launcher;

import dev.torpor.launcher.doctor.HostReport;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code torpor doctor}. */
@Command(
    name = "doctor",
    description = "Shows what this host can do, what is lost without the rest, and how to get it.",
    footer = {"", "Exit code: 0 if VMs run here, else 1."},
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class DoctorCommand implements Callable<Integer> {
  @Option(names = "--json", description = "Print one JSON object instead of a table.")
  private boolean json;

  @Spec private CommandSpec spec;

  @Override
  public Integer call() {
    HostReport report = HostReport.examine();
    spec.commandLine().getOut().println(json ? report.toJson() : report.toText().stripTrailing());
    return report.ready() ? ExitCode.OK : ExitCode.HOST_FAILURE;
  }
}
