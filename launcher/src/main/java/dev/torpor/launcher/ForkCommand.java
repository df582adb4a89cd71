package dev.torpor.launcher;

import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.vmm.device.SerialOutput;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code torpor fork}. */
@Command(
    name = "fork",
    description = "Branches a running VM: a child that begins where it is now, in the foreground.",
    sortOptions = false,
    footer = {
      "",
      "The parent stands still for about a millisecond or less and runs on; later writes of either",
      "are invisible to the other. The child begins at a new checkpoint, NAME/fork-N.",
      "",
      "Exit code: as of torpor run.",
      "",
      "Example:",
      "  torpor fork web --name web2",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class ForkCommand implements Callable<Integer> {
  @Parameters(paramLabel = "NAME", description = "The running VM.")
  private String parent;

  @Mixin private final RestoreOptions restore = new RestoreOptions();

  @Mixin private final RunningOptions running = new RunningOptions();

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  private final Stdio stdio;

  /** Where the children begin, once the parent was asked. */
  private UUID checkpoint;

  ForkCommand(Stdio stdio, Map<String, String> environment) {
    this.stdio = stdio;
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    List<String> names = checkedNames();
    RunningVm running = RunningVm.named(parent, spec);
    try (Store opened = store.openExisting();
        Foreground foreground =
            new Foreground(stdio, spec.commandLine().getErr(), this.running.quiet())) {
      List<Newcomer> children =
          names.stream()
              .map(
                  name ->
                      Newcomer.inStore(
                          name, opened, console -> child(running, opened, name, console)))
              .toList();
      return foreground.run(children, this.running.timeout()).exitCode();
    }
  }

  /** The parent is asked once the first child's name is claimed: not for nothing. */
  private Vm child(RunningVm running, Store opened, String name, SerialOutput console)
      throws IOException, InterruptedException {
    if (checkpoint == null) {
      checkpoint =
          UUID.fromString(
              running.checkpoint(store.folder(), freeLabel(opened)).get("uuid").getAsString());
    }
    return Vm.restore(opened, checkpoint, restore.describe(name, console, store.diskFolder(name)));
  }

  /** {@code fork-N}, or with a number where that is taken. */
  private String freeLabel(Store opened) {
    Set<String> taken =
        opened.list(parent).checkpoints().stream().map(Summary::label).collect(Collectors.toSet());
    String label = "fork-" + restore.name();
    return Stream.concat(Stream.of(label), Stream.iterate(2, i -> i + 1).map(i -> label + "-" + i))
        .filter(candidate -> !taken.contains(candidate))
        .findFirst()
        .orElseThrow();
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
