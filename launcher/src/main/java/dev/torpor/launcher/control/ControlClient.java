package dev.torpor.launcher.control;

import com.google.gson.JsonObject;
import java.io.Closeable;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;

/** Asks a running VM for something. One thread at a time. */
public final class ControlClient implements Closeable {
  private final String name;
  private final LineChannel channel;

  private ControlClient(String name, LineChannel channel) {
    this.name = name;
    this.channel = channel;
  }

  /**
   * Connects.
   *
   * @param store the folder of the VM's store
   * @param name the VM's name
   * @return the connection, which the caller closes
   * @throws ControlException if no VM of that name runs
   * @throws IOException if its lock file cannot be read
   */
  public static ControlClient connect(Path store, String name) throws IOException {
    Optional<Path> socket = Residence.socket(store, VmName.require(name));
    if (socket.isEmpty()) {
      throw notRunning(store, name, null);
    }
    try {
      return new ControlClient(
          name, new LineChannel(SocketChannel.open(UnixDomainSocketAddress.of(socket.get()))));
    } catch (IOException e) {
      throw notRunning(store, name, e);
    }
  }

  private static ControlException notRunning(Path store, String name, IOException cause) {
    return new ControlException(
        "no VM '%s' runs on store %s: 'torpor run --name %s' or 'torpor restore' starts one"
            .formatted(name, store, name),
        cause);
  }

  /**
   * Asks and waits for the answer, for as long as it takes.
   *
   * @param request what to do
   * @param progress takes the name of each stage on the way
   * @return the result
   * @throws ControlException if the VM could not do it, or has ended meanwhile
   * @throws IOException if the connection breaks
   */
  public JsonObject call(JsonObject request, Consumer<String> progress) throws IOException {
    channel.write(Json.line(request));
    while (true) {
      JsonObject reply = nextReply();
      Optional<String> error = Json.text(reply, "error");
      if (error.isPresent()) {
        throw new ControlException("VM '%s': %s".formatted(name, error.get()));
      }
      if (reply.has("result")) {
        return reply.getAsJsonObject("result");
      }
      Json.text(reply, "stage").ifPresent(progress);
    }
  }

  private JsonObject nextReply() throws IOException {
    String line = channel.read();
    if (line == null) {
      throw new ControlException("VM '%s' ended before it answered".formatted(name));
    }
    return Json.parse(line);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
