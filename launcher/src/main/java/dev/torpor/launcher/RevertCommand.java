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

/** {@code torpor revert}. */
@Command(
    name = "revert",
    description = "Takes a running VM back to one of its checkpoints, in place.",
    sortOptions = false,
    footer = {
      "",
      "What the VM did since is dropped, on its disks too, unless another checkpoint has it.",
      "A bare label means a checkpoint of this VM first.",
      "",
      "Example:",
      "  torpor revert web v1",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class RevertCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "NAME", description = "The VM.")
  private String name;

  @Parameters(
      index = "1",
      paramLabel = "REF",
      description = "The checkpoint: a label, NAME/LABEL, or the beginning of a UUID.")
  private String ref;

  @Option(names = "--json", description = "Print one JSON object: name, uuid, revertMicros.")
  private boolean json;

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  RevertCommand(Map<String, String> environment) {
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException {
    JsonObject done = RunningVm.named(name, spec).revert(store.folder(), ref);
    spec.commandLine().getOut().println(json ? Json.line(done) : line(done));
    return ExitCode.OK;
  }

  private String line(JsonObject done) {
    return "%s is at %s again, after %s"
        .formatted(
            name,
            done.get("name").getAsString(),
            CheckpointText.pause(done.get("revertMicros").getAsLong() * 1_000));
  }
}
