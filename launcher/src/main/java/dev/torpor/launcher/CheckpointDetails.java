package dev.torpor.launcher;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.torpor.snapshot.DiskImage;
import dev.torpor.snapshot.ImageRoot;
import dev.torpor.snapshot.LayerUse;
import dev.torpor.snapshot.Manifest;
import dev.torpor.snapshot.ManifestLayer;
import dev.torpor.snapshot.Summary;
import dev.torpor.snapshot.WorkingSet;
import java.time.Instant;
import java.util.Optional;
import java.util.StringJoiner;

/**
 * All that there is to know about a checkpoint.
 *
 * @param manifest the checkpoint
 * @param workingSet what its VMs touch first, if that was recorded
 */
record CheckpointDetails(Manifest manifest, Optional<WorkingSet> workingSet) {
  /** The details for a person. */
  String text() {
    Summary summary = manifest.summary();
    Summary.Metrics took = summary.metrics();
    StringJoiner text = new StringJoiner(System.lineSeparator());
    text.add(CheckpointText.name(summary));
    field(text, "uuid", summary.uuid());
    field(text, "parent", summary.parent().map(Object::toString).orElse("none"));
    field(
        text,
        "created",
        summary.created() + ", " + CheckpointText.age(summary.created(), Instant.now()) + " ago");
    field(text, "pause", CheckpointText.pause(took.pauseNanos()));
    field(
        text,
        "dirty",
        "%,d pages, %s".formatted(took.dirtyPages(), CheckpointText.blocks(took.dirtyPages())));
    field(text, "stored", CheckpointText.bytes(took.storedBytes()));
    field(text, "durable", "after %,d ms".formatted(took.durableNanos() / 1_000_000));
    field(text, "memory", describe(manifest.memory()));
    field(text, "state", CheckpointText.bytes(manifest.machineState().byteSize()));
    field(text, "working set", workingSet.map(CheckpointDetails::describe).orElse("not recorded"));
    for (int i = 0; i < manifest.disks().size(); i++) {
      field(text, "disk " + i, describe(manifest.disks().get(i)));
    }
    manifest.layers().forEach(layer -> field(text, "layer " + layer.number(), describe(layer)));
    return text.toString();
  }

  private static void field(StringJoiner text, String name, Object value) {
    text.add("%-12s %s".formatted(name, value));
  }

  private static String describe(ImageRoot image) {
    return "%s, %s of them in %d layers"
        .formatted(
            CheckpointText.blocks(image.blockCount()),
            CheckpointText.blocks(liveBlocks(image)),
            image.layers().size());
  }

  private static long liveBlocks(ImageRoot image) {
    return image.layers().stream().mapToLong(LayerUse::liveBlocks).sum();
  }

  private static String describe(DiskImage disk) {
    return "%s over %s%s (%s)"
        .formatted(
            CheckpointText.blocks(liveBlocks(disk.image())),
            disk.basePath(),
            disk.readOnly() ? ", read-only" : "",
            CheckpointText.bytes(disk.baseByteSize()));
  }

  private String describe(ManifestLayer layer) {
    return "%s, %s of them in use here"
        .formatted(CheckpointText.bytes(layer.byteCount()), CheckpointText.blocks(liveIn(layer)));
  }

  private long liveIn(ManifestLayer layer) {
    long live = liveIn(layer, manifest.memory());
    for (DiskImage disk : manifest.disks()) {
      live += liveIn(layer, disk.image());
    }
    return live;
  }

  private static long liveIn(ManifestLayer layer, ImageRoot image) {
    return image.layers().stream()
        .filter(use -> use.layer() == layer.number())
        .mapToLong(LayerUse::liveBlocks)
        .sum();
  }

  private static String describe(WorkingSet set) {
    return "%s in %,d runs".formatted(CheckpointText.blocks(pages(set)), set.runs().size());
  }

  private static long pages(WorkingSet set) {
    return set.runs().stream().mapToLong(WorkingSet.Run::pageCount).sum();
  }

  /** The details for a program. */
  String json() {
    JsonObject json = new JsonObject();
    json.add("checkpoint", CheckpointText.json(manifest.summary()));
    json.addProperty("memoryPages", manifest.memory().blockCount());
    json.addProperty("machineStateBytes", manifest.machineState().byteSize());
    json.addProperty("workingSetPages", workingSet.map(CheckpointDetails::pages).orElse(0L));
    JsonArray disks = new JsonArray();
    manifest.disks().forEach(disk -> disks.add(json(disk)));
    json.add("disks", disks);
    JsonArray layers = new JsonArray();
    manifest.layers().forEach(layer -> layers.add(json(layer)));
    json.add("layers", layers);
    return new GsonBuilder()
        .serializeNulls()
        .setPrettyPrinting()
        .disableHtmlEscaping()
        .create()
        .toJson(json);
  }

  private static JsonObject json(DiskImage disk) {
    JsonObject json = new JsonObject();
    json.addProperty("id", disk.id());
    json.addProperty("base", disk.basePath().toString());
    json.addProperty("baseBytes", disk.baseByteSize());
    json.addProperty("readOnly", disk.readOnly());
    json.addProperty("writtenBlocks", liveBlocks(disk.image()));
    return json;
  }

  private JsonObject json(ManifestLayer layer) {
    JsonObject json = new JsonObject();
    json.addProperty("number", layer.number());
    json.addProperty("bytes", layer.byteCount());
    json.addProperty("liveBlocks", liveIn(layer));
    return json;
  }
}
