package dev.torpor.launcher;

import com.google.gson.JsonObject;
import dev.torpor.launcher.control.ControlClient;
import dev.torpor.launcher.control.VmName;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/** A VM that another process runs, asked over its control socket. */
final class RunningVm {
  private final String name;
  private final PrintWriter messages;

  private RunningVm(String name, PrintWriter messages) {
    this.name = name;
    this.messages = messages;
  }

  /**
   * The VM that a command line names.
   *
   * @throws ParameterException if no VM can be called so
   */
  static RunningVm named(String name, CommandSpec command) {
    try {
      return new RunningVm(VmName.require(name), command.commandLine().getErr());
    } catch (IllegalArgumentException e) {
      throw new ParameterException(command.commandLine(), e.getMessage(), e);
    }
  }

  /** Takes a checkpoint and waits until it is durable; its object. */
  JsonObject checkpoint(Path store, String label) throws IOException {
    JsonObject request = new JsonObject();
    request.addProperty("command", "checkpoint");
    request.addProperty("label", label);
    return call(store, request, "checkpoint of '" + name + "'");
  }

  /** Goes back to a checkpoint; what that took. */
  JsonObject revert(Path store, String ref) throws IOException {
    JsonObject request = new JsonObject();
    request.addProperty("command", "revert");
    request.addProperty("checkpoint", ref);
    return call(store, request, "revert of '" + name + "'");
  }

  private JsonObject call(Path store, JsonObject request, String what) throws IOException {
    try (ControlClient client = ControlClient.connect(store, name);
        Progress progress = new Progress(messages, what)) {
      return client.call(request, progress::reached);
    }
  }
}
