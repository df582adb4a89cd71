package dev.torpor.launcher;

import dev.torpor.launcher.control.VmName;
import dev.torpor.linux.LinuxException;
import dev.torpor.snapshot.Store;
import dev.torpor.vmm.vm.Vm;
import dev.torpor.vmm.vm.VmConfig;
import java.io.IOException;
import java.util.List;
import java.util.Map;
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
      "       torpor run --flat NAME|FILE [OPTION...]",
    },
    sortOptions = false,
    footer = {
      "",
      "On a terminal, Ctrl-A x ends the VM, Ctrl-A a sends Ctrl-A, Ctrl-A h shows help.",
      "",
      "With --name the commands checkpoint, fork and revert work on it, from another terminal; what",
      "the terminal does not take in time of the guest's output is lost then.",
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
      "  torpor run --name web --kernel vmlinuz --disk root.ext4",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class RunCommand implements Callable<Integer> {
  @Mixin private BootOptions boot;

  @Mixin private MachineOptions machine;

  @Option(
      names = "--name",
      paramLabel = "NAME",
      description =
          "Let it be checkpointed and controlled under this name. Disks' files stay as they are;"
              + " what the guest writes goes to the store, and the next run of the same name"
              + " continues with it.")
  private String name;

  @Mixin private final RunningOptions running = new RunningOptions();

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  private final Stdio stdio;

  RunCommand(Stdio stdio, Map<String, String> environment) {
    this.stdio = stdio;
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    try {
      requireNameForStore();
      VmConfig.Builder description = machine.describe(boot.guest());
      return name == null ? runAnonymous(description) : runNamed(description);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    } catch (LinuxException e) {
      throw machine.explain(e).<RuntimeException>map(IllegalStateException::new).orElse(e);
    }
  }

  private void requireNameForStore() {
    if (name == null && store.isGiven()) {
      throw new IllegalArgumentException("--store is for checkpoints: give the VM a --name too");
    }
    if (name != null) {
      VmName.require(name);
    }
  }

  private int runAnonymous(VmConfig.Builder description) throws IOException, InterruptedException {
    return run(
        new Newcomer(
            "vm", Optional.empty(), console -> Vm.create(description.console(console).build())));
  }

  private int runNamed(VmConfig.Builder description) throws IOException, InterruptedException {
    try (Store opened = store.open()) {
      description.name(name).store(opened).diskFolder(store.diskFolder(name));
      return run(
          Newcomer.inStore(
              name, opened, console -> Vm.create(description.console(console).build())));
    }
  }

  private int run(Newcomer newcomer) throws IOException, InterruptedException {
    try (Foreground foreground =
        new Foreground(stdio, spec.commandLine().getErr(), running.quiet())) {
      return foreground.run(List.of(newcomer), running.timeout()).exitCode();
    }
  }
}
