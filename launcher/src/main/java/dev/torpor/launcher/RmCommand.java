package dev.torpor.launcher;

import com.google.gson.JsonObject;
import dev.torpor.launcher.control.Json;
import dev.torpor.launcher.control.VmName;
import dev.torpor.snapshot.Garbage;
import dev.torpor.snapshot.SnapshotFormatException;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.snapshot.UnknownCheckpointException;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code torpor rm}. */
@Command(
    name = "rm",
    description = "Removes checkpoints or a VM's disks, and what of their data nobody else needs.",
    sortOptions = false,
    footer = {
      "",
      "Other checkpoints stay whole, children too, and VMs that run on them go on. A damaged",
      "checkpoint is removed by its whole UUID.",
      "",
      "With --disks: what a VM that does not run has written to its disks, and would continue with.",
      "The disks' files and all checkpoints stay.",
      "",
      "Examples:",
      "  torpor rm web/v1",
      "  torpor rm --disks web",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class RmCommand implements Callable<Integer> {
  private static final String WHOLE_UUID = "\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}";

  @Parameters(
      paramLabel = "REF",
      arity = "1..*",
      description =
          "The checkpoint: a label, NAME/LABEL, or the beginning of a UUID. With --disks, the VM's"
              + " name.")
  private List<String> refs;

  @Option(names = "--disks", description = "Remove what VMs have written to their disks.")
  private boolean disks;

  @Option(
      names = "--json",
      description =
          "Print a JSON object for each: name, uuid, freedBytes; with --disks name and"
              + " freedBytes.")
  private boolean json;

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  RmCommand(Map<String, String> environment) {
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException {
    try (Store opened = store.openExisting()) {
      for (String ref : refs) {
        if (disks) {
          removeDisks(opened, ref);
        } else {
          remove(opened, ref);
        }
      }
    }
    return ExitCode.OK;
  }

  private void remove(Store opened, String ref) throws IOException {
    if (ref.matches(WHOLE_UUID)) {
      UUID uuid = UUID.fromString(ref); // not looked up: it may be damaged
      remove(opened, ref, uuid);
      return;
    }
    Summary found;
    try {
      found = StoreOption.find(opened, ref);
    } catch (IllegalStateException e) {
      throw hasDisks(ref)
          ? new IllegalStateException(
              e.getMessage() + "; 'torpor rm --disks %s' removes that VM's disks".formatted(ref), e)
          : e;
    }
    remove(opened, CheckpointText.name(found), found.uuid());
  }

  private boolean hasDisks(String name) {
    return VmName.isName(name) && Vm.hasDisks(store.diskFolder(name));
  }

  private void removeDisks(Store opened, String name) {
    try {
      VmName.require(name);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
    if (Vm.deleteDisks(opened, store.diskFolder(name)) == 0) {
      throw new IllegalStateException(
          "VM '%s' has no disks in %s".formatted(name, opened.directory()));
    }
    Garbage freed = opened.collectGarbage();
    JsonObject object = new JsonObject();
    object.addProperty("name", name);
    object.addProperty("freedBytes", freed.bytes());
    spec.commandLine()
        .getOut()
        .println(
            json
                ? Json.line(object)
                : "removed the disks of %s: %s freed"
                    .formatted(name, CheckpointText.bytes(freed.bytes())));
    freed.damaged().forEach(this::warn);
  }

  private void remove(Store opened, String name, UUID uuid) throws IOException {
    Garbage freed;
    try {
      freed = opened.remove(uuid);
    } catch (UnknownCheckpointException e) {
      throw new IllegalStateException(e.getMessage(), e);
    }
    spec.commandLine()
        .getOut()
        .println(json ? json(name, uuid, freed.bytes()) : line(name, freed.bytes()));
    freed.damaged().forEach(this::warn);
  }

  private void warn(SnapshotFormatException damage) {
    spec.commandLine()
        .getErr()
        .println("torpor: nothing is freed while a checkpoint is damaged: " + damage.getMessage());
  }

  private static String json(String name, UUID uuid, long freed) {
    JsonObject json = new JsonObject();
    json.addProperty("name", name);
    json.addProperty("uuid", uuid.toString());
    json.addProperty("freedBytes", freed);
    return Json.line(json);
  }

  private static String line(String name, long freed) {
    return freed > 0
        ? "removed %s: %s freed".formatted(name, CheckpointText.bytes(freed))
        : "removed %s: nothing freed, as other checkpoints or running VMs use its data"
            .formatted(name);
  }
}
