package dev.torpor.launcher;

import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code torpor show}. */
@Command(
    name = "show",
    description = "Shows all about a checkpoint.",
    sortOptions = false,
    footer = {
      "",
      "Example:",
      "  torpor show web/v1",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class ShowCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "REF",
      description =
          "The checkpoint: a label, NAME/LABEL, the beginning of a UUID, or a VM's name for its"
              + " newest.")
  private String ref;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  ShowCommand(Map<String, String> environment) {
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException {
    try (Store opened = store.openExisting()) {
      Summary found = StoreOption.find(opened, ref);
      CheckpointDetails details =
          new CheckpointDetails(opened.read(found.uuid()), opened.readWorkingSet(found.uuid()));
      spec.commandLine().getOut().println(json ? details.json() : details.text());
    }
    return ExitCode.OK;
  }
}
