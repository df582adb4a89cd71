package dev.torpor.launcher.control;

import com.google.gson.JsonObject;
import java.util.function.Consumer;

/** Does what the clients of a control socket ask for. Called by several threads at once. */
@FunctionalInterface
public interface RequestHandler {
  /**
   * Does one thing.
   *
   * @param request what the client sent; hostile
   * @param progress takes the name of each stage on the way, and may block for as long as the
   *     client does not read
   * @return the result
   * @throws Exception if it cannot be done; the message, in one line, goes to the client
   */
  JsonObject handle(JsonObject request, Consumer<String> progress) throws Exception;
}
