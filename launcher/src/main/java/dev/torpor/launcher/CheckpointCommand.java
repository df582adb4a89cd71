package dev.torpor.launcher;

import com.google.gson.JsonObject;
import dev.torpor.launcher.control.Json;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code torpor checkpoint}. */
@Command(
    name = "checkpoint",
    description =
        "Takes a checkpoint of a running VM: its memory, vCPUs, devices and disks, at one instant.",
    sortOptions = false,
    footer = {
      "",
      "The guest stands still for about a millisecond or less; the command ends when the checkpoint",
      "is durable. It is called NAME/LABEL then, or by its UUID.",
      "",
      "Examples:",
      "  torpor checkpoint web v1",
      "  torpor checkpoint web --json",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class CheckpointCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "NAME", description = "The VM.")
  private String name;

  @Parameters(
      index = "1",
      paramLabel = "LABEL",
      arity = "0..1",
      defaultValue = "",
      description = "What to call it.")
  private String label;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  CheckpointCommand(Map<String, String> environment) {
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException {
    JsonObject checkpoint = RunningVm.named(name, spec).checkpoint(store.folder(), label);
    spec.commandLine()
        .getOut()
        .println(json ? Json.line(checkpoint) : CheckpointText.line(checkpoint));
    return ExitCode.OK;
  }
}
