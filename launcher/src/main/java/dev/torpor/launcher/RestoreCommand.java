package dev.torpor.launcher;

import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code torpor restore}. */
@Command(
    name = "restore",
    description = "Makes running VMs of a checkpoint, in the foreground, as torpor run does.",
    sortOptions = false,
    footer = {
      "",
      "They go on from the checkpoint's instant, before their memory is read; what one writes,",
      "no other sees. With several, each line on the console stands behind the VM's name.",
      "",
      "Exit code: as of torpor run; with several VMs, that of the first that did not end with 0.",
      "",
      "Examples:",
      "  torpor restore web/v1 --name web2",
      "  torpor restore web/v1 --name test -n 10 --timeout 60",
      "  torpor restore web/v1 --name warm --record-working-set 5",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class RestoreCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "REF",
      description =
          "The checkpoint: a label, NAME/LABEL, the beginning of a UUID, or a VM's name for its"
              + " newest.")
  private String ref;

  @Mixin private final RestoreOptions restore = new RestoreOptions();

  @Mixin private final RunningOptions running = new RunningOptions();

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  private final Stdio stdio;

  RestoreCommand(Stdio stdio, Map<String, String> environment) {
    this.stdio = stdio;
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<String> names = checkedNames();
    try (Store opened = store.openExisting();
        Foreground foreground =
            new Foreground(stdio, spec.commandLine().getErr(), running.quiet())) {
      Summary checkpoint = StoreOption.find(opened, ref);
      List<Newcomer> newcomers =
          names.stream()
              .map(
                  name ->
                      Newcomer.inStore(
                          name,
                          opened,
                          console ->
                              Vm.restore(
                                  opened,
                                  checkpoint.uuid(),
                                  restore.describe(name, console, store.diskFolder(name)))))
              .toList();
      return foreground.run(newcomers, running.timeout()).exitCode();
    }
  }

  private List<String> checkedNames() {
    try {
      restore.check();
      running.timeout();
      return restore.names();
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }
}
