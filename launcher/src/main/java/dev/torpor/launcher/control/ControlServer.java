package dev.torpor.launcher.control;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.io.Closeable;
import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * Serves a VM's control socket: a thread for each client, its requests one after another.
 *
 * <p>Clients are hostile, as far as the socket's mode lets them come: whatever one sends or leaves
 * out, the others and the VM go on.
 */
public final class ControlServer implements Closeable {
  /** How many clients may be connected at once. */
  public static final int MAX_CLIENTS = 64;

  private static final long GRACE_SECONDS = 60;
  private static final long END_SECONDS = 5;

  private final Residence residence;
  private final Set<LineChannel> clients = ConcurrentHashMap.newKeySet();
  private final ExecutorService threads;
  private volatile RequestHandler handler;
  private volatile boolean closing;

  /** A client takes no reply any more. */
  private static final class VanishedException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    VanishedException(IOException cause) {
      super(cause);
    }
  }

  private ControlServer(Residence residence, String name) {
    this.residence = residence;
    this.threads =
        Executors.newThreadPerTaskExecutor(
            Thread.ofPlatform().daemon().name("control-" + name + "-", 0).factory());
  }

  /**
   * Takes a name. Whoever connects from now on waits until {@link #serve}.
   *
   * @param store the folder of the store; its {@code run} folder is made if need be
   * @param name the VM's name, as {@link VmName} allows it
   * @return the server, which the caller closes before the VM
   * @throws ControlException if a VM of that name already runs
   * @throws IOException if the socket cannot be made
   */
  public static ControlServer claim(Path store, String name) throws IOException {
    return new ControlServer(Residence.claim(store, VmName.require(name)), name);
  }

  /**
   * Begins to serve. Called once.
   *
   * @param requestHandler does what clients ask for
   */
  public void serve(RequestHandler requestHandler) {
    handler = Objects.requireNonNull(requestHandler);
    threads.execute(this::accept);
  }

  private void accept() {
    while (!closing) {
      try {
        admit(residence.server().accept());
      } catch (IOException e) {
        pauseAfterFailure();
      }
    }
  }

  /** A process out of descriptors cannot accept: it will be able to again. */
  private void pauseAfterFailure() {
    try {
      if (!closing) {
        Thread.sleep(100);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void admit(SocketChannel channel) throws IOException {
    LineChannel client = new LineChannel(channel);
    if (clients.size() >= MAX_CLIENTS) {
      try (client) {
        client.write(Json.line(error("%d clients are connected, no more".formatted(MAX_CLIENTS))));
      }
      return;
    }
    clients.add(client);
    threads.execute(() -> attend(client));
  }

  private void attend(LineChannel client) {
    try (client) {
      converse(client);
    } catch (IOException | VanishedException nobodyListens) {
      // The client does not hear of it any more, and nobody else cares.
    } finally {
      clients.remove(client);
    }
  }

  private void converse(LineChannel client) throws IOException {
    try {
      String line = client.read();
      while (line != null && !closing) {
        answer(client, line);
        line = client.read();
      }
    } catch (LineChannel.MalformedLineException e) {
      client.write(Json.line(error(e.getMessage())));
    }
  }

  private void answer(LineChannel client, String line) throws IOException {
    JsonObject request;
    try {
      request = Json.parse(line);
    } catch (IllegalArgumentException e) {
      client.write(Json.line(error(e.getMessage())));
      return;
    }
    JsonElement id = request.get("id");
    client.write(Json.line(labelled(id, perform(client, request, id))));
  }

  private JsonObject perform(LineChannel client, JsonObject request, JsonElement id) {
    try {
      JsonObject reply = new JsonObject();
      reply.add("result", handler.handle(request, stage -> tell(client, stage, id)));
      return reply;
    } catch (VanishedException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return error("the VM's process ends");
    } catch (Exception e) {
      return error(ErrorText.of(e));
    }
  }

  private static void tell(LineChannel client, String stage, JsonElement id) {
    JsonObject reply = new JsonObject();
    reply.addProperty("stage", stage);
    try {
      client.write(Json.line(labelled(id, reply)));
    } catch (IOException e) {
      throw new VanishedException(e);
    }
  }

  private static JsonObject labelled(JsonElement id, JsonObject reply) {
    if (id != null) {
      reply.add("id", id);
    }
    return reply;
  }

  private static JsonObject error(String message) {
    JsonObject reply = new JsonObject();
    reply.addProperty("error", message);
    return reply;
  }

  /**
   * Takes no more requests, lets those under way come to their end, and gives the name back. A
   * second call does nothing.
   */
  @Override
  public void close() throws IOException {
    if (closing) {
      return;
    }
    closing = true;
    try (residence) {
      residence.server().close();
      endClients();
    }
  }

  private void endClients() throws IOException {
    for (LineChannel client : clients) {
      client.endInput();
    }
    threads.shutdown();
    if (!awaitEnd(GRACE_SECONDS)) {
      for (LineChannel client : clients) {
        client.close();
      }
      threads.shutdownNow();
      awaitEnd(END_SECONDS);
    }
  }

  private boolean awaitEnd(long seconds) {
    try {
      return threads.awaitTermination(seconds, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
