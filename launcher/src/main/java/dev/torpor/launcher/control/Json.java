package dev.torpor.launcher.control;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.util.Optional;

/** JSON as it goes over the socket: strict (RFC 8259), one object, no line break in it. */
public final class Json {
  private static final Gson GSON =
      new GsonBuilder()
          .setStrictness(Strictness.STRICT)
          .disableHtmlEscaping()
          .serializeNulls()
          .create();

  private Json() {}

  /**
   * Reads a line.
   *
   * @param line from anybody
   * @return the object
   * @throws IllegalArgumentException unless it is one JSON object; the message says why
   */
  public static JsonObject parse(String line) {
    JsonElement element;
    try {
      element = GSON.fromJson(line, JsonElement.class);
    } catch (JsonParseException e) {
      throw new IllegalArgumentException("not JSON: " + firstSentence(e), e);
    }
    if (element == null || !element.isJsonObject()) {
      throw new IllegalArgumentException("not a JSON object: write {\"command\": \"status\"}");
    }
    return element.getAsJsonObject();
  }

  /** The library adds a link and the Java type, which mean nothing to a client. */
  private static String firstSentence(JsonParseException e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String message = String.valueOf(cause.getMessage());
    return message.lines().findFirst().orElse("").replaceFirst("^java\\.[\\w.]+: ", "");
  }

  /**
   * Writes a line.
   *
   * @param object what to write
   * @return one line, without its end
   */
  public static String line(JsonElement object) {
    return GSON.toJson(object);
  }

  /**
   * A text in an object.
   *
   * @param object where to look
   * @param member its name
   * @return the text; empty if the object has no such member, or null
   * @throws IllegalArgumentException if it is something else than a text
   */
  public static Optional<String> text(JsonObject object, String member) {
    JsonElement value = object.get(member);
    if (value == null || value.isJsonNull()) {
      return Optional.empty();
    }
    if (!value.isJsonPrimitive() || !value.getAsJsonPrimitive().isString()) {
      throw new IllegalArgumentException(
          "\"%s\" must be a string, not %s".formatted(member, line(value)));
    }
    return Optional.of(value.getAsString());
  }
}
