package dev.torpor.launcher;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.torpor.launcher.control.Json;
import dev.torpor.launcher.control.RequestHandler;
import dev.torpor.snapshot.Store;
import dev.torpor.snapshot.Summary;
import dev.torpor.snapshot.UnknownCheckpointException;
import dev.torpor.vmm.checkpoint.Checkpoint;
import dev.torpor.vmm.vm.Vm;
import java.io.IOException;
import java.util.Locale;
import java.util.function.Consumer;

/** What clients of a VM's control socket can ask it for; docs/control-socket.md describes it. */
final class VmControl implements RequestHandler {
  private final String name;
  private final Vm vm;
  private final Store store;

  VmControl(String name, Vm vm, Store store) {
    this.name = name;
    this.vm = vm;
    this.store = store;
  }

  @Override
  public JsonObject handle(JsonObject request, Consumer<String> progress)
      throws IOException, InterruptedException {
    String command = required(request, "command");
    return switch (command) {
      case "checkpoint" -> checkpoint(Json.text(request, "label").orElse(""), progress);
      case "revert" -> revert(required(request, "checkpoint"));
      case "status" -> status();
      case "stop" -> stop();
      default ->
          throw new IllegalArgumentException(
              "no command \"%s\": there are checkpoint, revert, status, stop".formatted(command));
    };
  }

  private static String required(JsonObject request, String member) {
    return Json.text(request, member)
        .orElseThrow(() -> new IllegalArgumentException("\"" + member + "\" is missing"));
  }

  private JsonObject checkpoint(String label, Consumer<String> progress)
      throws IOException, InterruptedException {
    requireGoodLabel(label);
    Checkpoint checkpoint = vm.checkpoint(label);
    progress.accept("captured");
    checkpoint.awaitWritten();
    progress.accept("written");
    checkpoint.awaitDurable();
    return CheckpointText.json(store.read(checkpoint.uuid()).summary());
  }

  private void requireGoodLabel(String label) {
    if (label.isEmpty()) {
      return;
    }
    if (!Summary.isName(label)) {
      throw new IllegalArgumentException(
          "'%s' is no label: write up to %d bytes without '/' or control characters"
              .formatted(label.replaceAll("\\p{Cntrl}", "?"), Summary.MAX_NAME_BYTES));
    }
    if (store.list(name).checkpoints().stream().anyMatch(other -> other.label().equals(label))) {
      throw new IllegalArgumentException(
          "there is a checkpoint %s/%s already: choose another label, or remove that one"
              .formatted(name, label));
    }
  }

  private JsonObject revert(String ref) throws IOException, InterruptedException {
    Summary target = find(ref);
    long start = System.nanoTime();
    vm.revertTo(target.uuid());
    long nanos = System.nanoTime() - start;
    JsonObject result = new JsonObject();
    result.addProperty("name", CheckpointText.name(target));
    result.addProperty("uuid", target.uuid().toString());
    result.addProperty("revertMicros", nanos / 1_000);
    return result;
  }

  /** A bare label means this VM's own checkpoint before anybody else's. */
  private Summary find(String ref) throws IOException {
    try {
      return store.find(name + "/" + ref);
    } catch (UnknownCheckpointException notItsOwn) {
      return StoreOption.find(store, ref);
    }
  }

  private JsonObject status() {
    JsonObject result = new JsonObject();
    result.addProperty("vm", name);
    result.addProperty("pid", ProcessHandle.current().pid());
    result.addProperty("state", vm.state().name().toLowerCase(Locale.ROOT));
    result.add(
        "parent",
        vm.parentCheckpoint()
            .<JsonElement>map(parent -> new JsonPrimitive(parent.toString()))
            .orElse(JsonNull.INSTANCE));
    return result;
  }

  private JsonObject stop() {
    vm.stop();
    return status();
  }
}
