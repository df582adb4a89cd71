package dev.torpor.benchmarks.peer;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;

/**
 * Something that QEMU has told of its own accord.
 *
 * @param name what happened
 * @param data the particulars; empty if there are none
 * @param atMicros when, by QEMU's clock: microseconds since 1970
 */
record QmpEvent(String name, JsonObject data, long atMicros) {
  private static final long MICROS_PER_SECOND = 1_000_000;

  /** Reads one off the line that it came in. */
  static QmpEvent of(JsonObject message) throws PeerException {
    try {
      JsonObject timestamp = message.getAsJsonObject("timestamp");
      JsonObject data = message.getAsJsonObject("data");
      return new QmpEvent(
          message.get("event").getAsString(),
          data == null ? new JsonObject() : data,
          timestamp.get("seconds").getAsLong() * MICROS_PER_SECOND
              + timestamp.get("microseconds").getAsLong());
    } catch (RuntimeException e) { // whatever Gson makes of other types than these
      throw new PeerException("QEMU sent an event without a name, a time or an object of data", e);
    }
  }

  boolean is(String expectedName) {
    return name.equals(expectedName);
  }

  /** Whether a text among the particulars is the one expected. */
  boolean says(String key, String expected) {
    JsonElement value = data.get(key);
    return value != null && value.isJsonPrimitive() && value.getAsString().equals(expected);
  }
}
