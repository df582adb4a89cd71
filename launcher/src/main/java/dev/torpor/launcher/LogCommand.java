package dev.torpor.launcher;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import dev.torpor.snapshot.Listing;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code torpor log}. */
@Command(
    name = "log",
    description = "Lists checkpoints, newest last.",
    sortOptions = false,
    footer = {
      "",
      "Each is what --json calls its name; PARENT is the one that it follows, which may be removed",
      "by now. Exit code 1 if a checkpoint is damaged; the others are listed all the same.",
      "",
      "Examples:",
      "  torpor log",
      "  torpor log web --json",
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class)
final class LogCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "NAME",
      arity = "0..1",
      description = "Only this VM's; the whole store's otherwise.")
  private String name;

  @Option(names = "--json", description = "Print a JSON array of objects.")
  private boolean json;

  @Mixin private final StoreOption store;

  @Spec private CommandSpec spec;

  LogCommand(Map<String, String> environment) {
    this.store = new StoreOption(environment);
  }

  @Override
  public Integer call() throws IOException {
    if (!store.exists()) {
      print(List.of(), Map.of());
      return ExitCode.OK;
    }
    try (Store opened = store.open()) {
      Listing everything = opened.list();
      Map<UUID, Summary> known = new HashMap<>();
      everything.checkpoints().forEach(found -> known.put(found.uuid(), found));
      print(
          everything.checkpoints().stream()
              .filter(found -> name == null || found.vmName().equals(name))
              .toList(),
          known);
      return complain(everything);
    }
  }

  private int complain(Listing listing) {
    PrintWriter messages = spec.commandLine().getErr();
    listing.damaged().forEach(damage -> messages.println("torpor: " + damage.getMessage()));
    return listing.damaged().isEmpty() ? ExitCode.OK : ExitCode.HOST_FAILURE;
  }

  private void print(List<Summary> checkpoints, Map<UUID, Summary> known) {
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      JsonArray list = new JsonArray();
      checkpoints.forEach(checkpoint -> list.add(CheckpointText.json(checkpoint)));
      out.println(
          new GsonBuilder()
              .serializeNulls()
              .setPrettyPrinting()
              .disableHtmlEscaping()
              .create()
              .toJson(list));
    } else if (checkpoints.isEmpty()) {
      spec.commandLine()
          .getErr()
          .println(
              "torpor: no checkpoint%s in %s"
                  .formatted(name == null ? "" : " of '" + name + "'", store.folder()));
    } else {
      table(checkpoints, known).lines().forEach(out::println);
    }
  }

  private static Table table(List<Summary> checkpoints, Map<UUID, Summary> known) {
    Table table =
        new Table("VM", "LABEL", "UUID", "PARENT", "AGE", "PAUSE", "DIRTY PAGES", "STORED");
    Instant now = Instant.now();
    for (Summary checkpoint : checkpoints) {
      Summary.Metrics metrics = checkpoint.metrics();
      table.row(
          checkpoint.vmName(),
          checkpoint.label().isEmpty() ? "-" : checkpoint.label(),
          CheckpointText.shortUuid(checkpoint.uuid()),
          checkpoint.parent().map(parent -> parent(parent, known)).orElse("-"),
          CheckpointText.age(checkpoint.created(), now),
          CheckpointText.pause(metrics.pauseNanos()),
          "%,d".formatted(metrics.dirtyPages()),
          CheckpointText.bytes(metrics.storedBytes()));
    }
    return table;
  }

  private static String parent(UUID uuid, Map<UUID, Summary> known) {
    Summary parent = known.get(uuid);
    if (parent == null) {
      return CheckpointText.shortUuid(uuid) + " (removed)";
    }
    return parent.label().isEmpty() ? CheckpointText.shortUuid(uuid) : CheckpointText.name(parent);
  }
}
