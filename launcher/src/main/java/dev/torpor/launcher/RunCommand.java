package dev.torpor.launcher;

import dev.torpor.linux.LinuxException;
import dev.torpor.vmm.vm.VmConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code torpor run}. */
@Command(
    name = "run",
    description = "Runs a VM in the foreground, its serial console on the terminal.",
    customSynopsis = {
      "torpor run --kernel FILE [OPTION...]",
      "       torpor run --flat NAME|FILE [OPTION...]"
    },
    sortOptions = false,
    footer = {
      "",
      "On a terminal, Ctrl-A x ends the VM, Ctrl-A a sends Ctrl-A, Ctrl-A h shows help.",
      "",
      "Exit code:",
      "  0      the guest powered off",
      "  0-255  a flat guest's own code; 255 stands for larger ones",
      "  1      the host or the VMM failed",
      "  2      the command line is wrong",
      "  64     the guest asked for a reset",
      "  65     the guest crashed",
      "  124    the time was up",
      "  130    the user ended it",
      "",
      "Examples:",
      "  torpor run --kernel vmlinuz --initrd initrd.gz --memory 1G --disk root.ext4,ro",
      "  torpor run --flat page-writer --arg r9=10",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class RunCommand implements Callable<Integer> {
  @Mixin private BootOptions boot;

  @Mixin private MachineOptions machine;

  @Option(names = "--timeout", paramLabel = "SECONDS", description = "End the VM after so long.")
  private Integer timeoutSeconds;

  @Option(names = "--quiet", description = "Do not say how the VM ended.")
  private boolean quiet;

  @Spec private CommandSpec spec;

  private final Stdio stdio;

  RunCommand(Stdio stdio) {
    this.stdio = stdio;
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    PrintWriter messages = spec.commandLine().getErr();
    try {
      VmConfig.Builder description = machine.describe(boot.guest());
      return new Foreground(stdio, messages, quiet).run(description, timeout()).exitCode();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    } catch (LinuxException e) {
      throw machine.explain(e).<RuntimeException>map(IllegalStateException::new).orElse(e);
    }
  }

  private Optional<Duration> timeout() {
    if (timeoutSeconds != null && timeoutSeconds < 1) {
      throw new IllegalArgumentException(
          "--timeout " + timeoutSeconds + ": must be at least 1 second");
    }
    return Optional.ofNullable(timeoutSeconds).map(Duration::ofSeconds);
  }
}
