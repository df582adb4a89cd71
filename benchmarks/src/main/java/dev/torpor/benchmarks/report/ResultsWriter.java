package dev.torpor.benchmarks.report;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import java.util.OptionalDouble;

/**
 * Results as JSON. What is absent is left out; a row's {@code ratio}s are there for who reads them,
 * and are computed anew by {@link ResultsReader}.
 */
public final class ResultsWriter {
  private static final double DIGITS = 10_000;

  private ResultsWriter() {}

  /**
   * Writes results.
   *
   * @param results what to write
   * @return JSON, with a line break at its end
   */
  public static String write(Results results) {
    JsonObject json = new JsonObject();
    json.add("host", host(results.host()));
    JsonArray rows = new JsonArray();
    results.rows().forEach(row -> rows.add(row(row)));
    json.add("rows", rows);
    JsonArray notes = new JsonArray();
    results.notes().forEach(note -> notes.add(note(note)));
    json.add("notes", notes);
    return new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().create().toJson(json) + "\n";
  }

  private static JsonObject host(Host host) {
    JsonObject json = new JsonObject();
    host.facts().forEach(json::addProperty);
    JsonArray disturbances = new JsonArray();
    host.disturbances().forEach(disturbances::add);
    json.add(ResultsReader.DISTURBANCES, disturbances);
    return json;
  }

  private static JsonObject row(Row row) {
    JsonObject json = new JsonObject();
    json.addProperty("operation", row.operation());
    JsonObject parameters = new JsonObject();
    row.parameters().forEach(parameters::addProperty);
    json.add("parameters", parameters);
    json.add("torpor", figures(row.torpor()));
    row.yardstick().ifPresent(figures -> json.add("yardstick", figures(figures)));
    row.peer().ifPresent(figures -> json.add("peer", figures(figures)));
    addNumber(json, "ratio", row.ratio());
    addNumber(json, "ratioSpread", row.ratioSpread());
    addNumber(json, "peerRatio", row.peerRatio());
    return json;
  }

  private static void addNumber(JsonObject json, String name, OptionalDouble number) {
    number.ifPresent(value -> json.addProperty(name, Math.round(value * DIGITS) / DIGITS));
  }

  private static JsonObject figures(Figures figures) {
    JsonObject json = new JsonObject();
    json.addProperty("p50", figures.p50());
    json.addProperty("p99", figures.p99());
    json.addProperty("max", figures.max());
    json.addProperty("count", figures.count());
    json.addProperty("unit", figures.unit());
    return json;
  }

  private static JsonObject note(Note note) {
    JsonObject json = new JsonObject();
    json.addProperty("name", note.name());
    json.addProperty("value", note.value());
    json.addProperty("unit", note.unit());
    return json;
  }
}
