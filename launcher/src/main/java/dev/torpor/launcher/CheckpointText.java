package dev.torpor.launcher;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import dev.torpor.snapshot.Summary;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.UUID;

/** How checkpoints are told, to people and to programs. */
final class CheckpointText {
  private static final int SHORT_UUID_CHARS = 8;
  private static final double BYTES_PER_KIB = 1024;
  private static final int BLOCK_BYTES = 4096;

  private CheckpointText() {}

  /** What to type to mean it: VM/LABEL, or the UUID of one without a label. */
  static String name(Summary checkpoint) {
    return checkpoint.label().isEmpty()
        ? checkpoint.uuid().toString()
        : checkpoint.vmName() + "/" + checkpoint.label();
  }

  /** The object that every command's {@code --json} gives for a checkpoint. */
  static JsonObject json(Summary checkpoint) {
    Summary.Metrics metrics = checkpoint.metrics();
    JsonObject json = new JsonObject();
    json.addProperty("name", name(checkpoint));
    json.addProperty("uuid", checkpoint.uuid().toString());
    json.add(
        "parent",
        checkpoint
            .parent()
            .<JsonElement>map(parent -> new JsonPrimitive(parent.toString()))
            .orElse(JsonNull.INSTANCE));
    json.addProperty("pauseMicros", metrics.pauseNanos() / 1_000);
    json.addProperty("dirtyPages", metrics.dirtyPages());
    json.addProperty("storedBytes", metrics.storedBytes());
    json.addProperty("durableMillis", metrics.durableNanos() / 1_000_000);
    json.addProperty("label", checkpoint.label());
    json.addProperty("created", checkpoint.created().toString());
    json.addProperty("vm", checkpoint.vmName());
    return json;
  }

  /** What one took, in a line, from its object. */
  static String line(JsonObject checkpoint) {
    return "%s  pause %s, %,d dirty pages, %s stored, durable after %,d ms"
        .formatted(
            checkpoint.get("name").getAsString(),
            pause(checkpoint.get("pauseMicros").getAsLong() * 1_000),
            checkpoint.get("dirtyPages").getAsLong(),
            bytes(checkpoint.get("storedBytes").getAsLong()),
            checkpoint.get("durableMillis").getAsLong());
  }

  /** The beginning of a UUID, enough for a person and for a reference. */
  static String shortUuid(UUID uuid) {
    return uuid.toString().substring(0, SHORT_UUID_CHARS);
  }

  /** A pause, in milliseconds. */
  static String pause(long nanos) {
    return String.format(Locale.ROOT, "%.2f ms", nanos / 1e6);
  }

  /** An amount of memory or disk. */
  static String bytes(long count) {
    double amount = count;
    for (String unit : new String[] {"B", "KiB", "MiB", "GiB"}) {
      if (amount < BYTES_PER_KIB) {
        return String.format(Locale.ROOT, unit.equals("B") ? "%.0f %s" : "%.1f %s", amount, unit);
      }
      amount /= BYTES_PER_KIB;
    }
    return String.format(Locale.ROOT, "%.1f TiB", amount);
  }

  /** An amount of blocks. */
  static String blocks(long count) {
    return bytes(count * BLOCK_BYTES);
  }

  /** How long ago something was, in its largest unit. */
  static String age(Instant then, Instant now) {
    Duration age = Duration.between(then, now);
    if (age.isNegative()) {
      return "0 s";
    }
    if (age.toDays() > 0) {
      return age.toDays() + " d";
    }
    if (age.toHours() > 0) {
      return age.toHours() + " h";
    }
    return age.toMinutes() > 0 ? age.toMinutes() + " min" : age.toSeconds() + " s";
  }
}
