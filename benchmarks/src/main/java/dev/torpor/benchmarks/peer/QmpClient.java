package dev.torpor.benchmarks.peer;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/**
 * Tells QEMU what to do, over QMP (QEMU: docs/interop/qmp-spec.rst). One thread at a time.
 *
 * <p>Events that come between a command and its reply are kept, so none is missed by whoever waits
 * for it afterwards.
 */
final class QmpClient implements AutoCloseable {
  private static final int MOST_KEPT_EVENTS = 10_000;
  private static final Gson GSON =
      new GsonBuilder()
          .setStrictness(Strictness.STRICT)
          .disableHtmlEscaping()
          .serializeNulls()
          .create();

  private final TimedLines lines;
  private final List<QmpEvent> kept = new ArrayList<>();
  private int lastId;

  /**
   * Connects, and leaves the mode in which QEMU only negotiates.
   *
   * @param limit how long to wait for any line
   */
  static QmpClient connect(Path socket, Duration limit) throws IOException {
    return new QmpClient(SocketChannel.open(UnixDomainSocketAddress.of(socket)), limit);
  }

  private QmpClient(SocketChannel channel, Duration limit) throws IOException {
    lines = new TimedLines("QEMU", channel, limit);
    try {
      JsonObject greeting = receive("the greeting");
      if (!greeting.has("QMP")) {
        throw new PeerException(
            "what answers is not QEMU: it greets with " + beginningOf(greeting));
      }
      execute("qmp_capabilities");
    } catch (IOException e) {
      try (lines) {
        throw e;
      }
    }
  }

  /** Has a command without arguments carried out. */
  JsonElement execute(String command) throws IOException {
    return execute(command, Map.of());
  }

  /**
   * Has a command carried out.
   *
   * @param arguments by name: anything that JSON can say
   * @return what it returned
   * @throws PeerException if QEMU refused it, with QEMU's reason
   */
  JsonElement execute(String command, Map<String, ?> arguments) throws IOException {
    int id = ++lastId;
    Map<String, ?> message = Map.of("execute", command, "arguments", arguments, "id", id);
    lines.write(GSON.toJson(message) + "\n");
    JsonObject reply = receive(command);
    while (reply.has("event")) {
      keep(QmpEvent.of(reply));
      reply = receive(command);
    }
    return resultOf(command, id, reply);
  }

  private static JsonElement resultOf(String command, int id, JsonObject reply)
      throws PeerException {
    if (reply.has("error")) {
      throw new PeerException("QEMU refused " + command + ": " + reasonIn(reply.get("error")));
    }
    if (!reply.has("return") || !GSON.toJsonTree(id).equals(reply.get("id"))) {
      throw new PeerException(
          "QEMU's answer to %s is none: %s".formatted(command, beginningOf(reply)));
    }
    return reply.get("return");
  }

  private static String reasonIn(JsonElement error) {
    boolean described = error.isJsonObject() && error.getAsJsonObject().has("desc");
    return beginningOf(described ? error.getAsJsonObject().get("desc") : error);
  }

  private void keep(QmpEvent event) throws PeerException {
    if (kept.size() == MOST_KEPT_EVENTS) {
      throw new PeerException("QEMU sent more than " + MOST_KEPT_EVENTS + " events");
    }
    kept.add(event);
  }

  private JsonObject receive(String what) throws IOException {
    String line =
        lines
            .read()
            .orElseThrow(() -> new PeerException("QEMU hung up instead of answering " + what));
    try {
      JsonElement element = GSON.fromJson(line, JsonElement.class);
      if (element != null && element.isJsonObject()) {
        return element.getAsJsonObject();
      }
    } catch (JsonParseException e) {
      throw new PeerException("QEMU sent no JSON: " + beginningOf(line), e);
    }
    throw new PeerException("QEMU sent no JSON object: " + beginningOf(line));
  }

  /** Of what may be a million bytes. */
  private static String beginningOf(Object said) {
    String text = said.toString();
    return text.substring(0, Math.min(text.length(), 100));
  }

  /** Waits for an event, unless it is among those kept. */
  QmpEvent await(Predicate<QmpEvent> awaited, String what) throws IOException {
    for (int i = 0; ; i++) {
      while (i == kept.size()) {
        JsonObject message = receive(what);
        if (!message.has("event")) {
          throw new PeerException("QEMU answered what nobody has asked: " + beginningOf(message));
        }
        keep(QmpEvent.of(message));
      }
      if (awaited.test(kept.get(i))) {
        return kept.get(i);
      }
    }
  }

  /** Waits for the first event of that name, unless it is among those kept. */
  QmpEvent await(String name) throws IOException {
    return await(event -> event.is(name), name);
  }

  /** Whoever waits from now on waits for events that are still to come. */
  void forgetEvents() {
    kept.clear();
  }

  @Override
  public void close() throws IOException {
    lines.close();
  }
}
