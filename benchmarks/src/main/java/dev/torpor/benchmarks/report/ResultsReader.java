package dev.torpor.benchmarks.report;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;

/** Reads what {@link ResultsWriter} wrote. A file is not trusted; unknown members are ignored. */
public final class ResultsReader {
  /** The most that a file of results may have: more would not be of ours. */
  public static final long MAXIMUM_BYTES = 16 << 20;

  static final String DISTURBANCES = "disturbances";

  private ResultsReader() {}

  /**
   * Reads a file.
   *
   * @param file of at most {@link #MAXIMUM_BYTES}
   * @return what it holds
   * @throws ResultsFormatException if it does not hold results; the message names the place
   * @throws IOException if it cannot be read; the message names it
   */
  public static Results read(Path file) throws IOException {
    byte[] bytes = bytes(file);
    try {
      String text =
          StandardCharsets.UTF_8.newDecoder().decode(java.nio.ByteBuffer.wrap(bytes)).toString();
      return parse(text);
    } catch (CharacterCodingException e) {
      throw new ResultsFormatException(file + " holds no results: it is not UTF-8", e);
    } catch (ResultsFormatException e) {
      throw new ResultsFormatException(file + " holds no results: " + e.getMessage(), e);
    }
  }

  private static byte[] bytes(Path file) throws IOException {
    try (var in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes((int) MAXIMUM_BYTES + 1);
      if (bytes.length > MAXIMUM_BYTES) {
        throw new ResultsFormatException(
            "%s holds no results: it has more than %d MiB".formatted(file, MAXIMUM_BYTES >> 20));
      }
      return bytes;
    } catch (ResultsFormatException e) {
      throw e;
    } catch (NoSuchFileException e) {
      throw new IOException("cannot read " + file + ": there is no such file", e);
    } catch (IOException e) {
      throw new IOException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  /**
   * Reads JSON.
   *
   * @param text one JSON object, strictly
   * @return what it holds
   * @throws ResultsFormatException if it does not hold results; the message names the place
   */
  public static Results parse(String text) throws ResultsFormatException {
    JsonObject json = object(element(text), "the file");
    return new Results(
        host(object(json.get("host"), "host")), rows(json), notes(json.get("notes")));
  }

  private static JsonElement element(String text) throws ResultsFormatException {
    try (JsonReader reader = new JsonReader(new StringReader(text))) {
      reader.setStrictness(Strictness.STRICT);
      JsonElement element = JsonParser.parseReader(reader);
      if (reader.peek() != JsonToken.END_DOCUMENT) {
        throw new ResultsFormatException("there is more behind its end");
      }
      return element;
    } catch (ResultsFormatException e) {
      throw e;
    } catch (IOException | JsonParseException | IllegalStateException e) {
      throw new ResultsFormatException("it is not JSON", e);
    }
  }

  private static Host host(JsonObject json) throws ResultsFormatException {
    LinkedHashMap<String, String> facts = new LinkedHashMap<>();
    List<String> disturbances = new ArrayList<>();
    for (String name : json.keySet()) {
      if (name.equals(DISTURBANCES)) {
        for (JsonElement element : array(json.get(name), "host." + name)) {
          disturbances.add(text(element, "host." + name));
        }
      } else {
        facts.put(name, text(json.get(name), "host." + name));
      }
    }
    return new Host(facts, disturbances);
  }

  private static List<Row> rows(JsonObject json) throws ResultsFormatException {
    JsonArray array = array(json.get("rows"), "rows");
    List<Row> rows = new ArrayList<>();
    for (int i = 0; i < array.size(); i++) {
      String place = "rows[" + i + "]";
      rows.add(row(object(array.get(i), place), place));
    }
    return rows;
  }

  private static Row row(JsonObject json, String place) throws ResultsFormatException {
    String operation = text(json.get("operation"), place + ".operation");
    SortedMap<String, String> parameters = new TreeMap<>();
    if (json.has("parameters")) {
      JsonObject object = object(json.get("parameters"), place + ".parameters");
      for (String name : object.keySet()) {
        parameters.put(name, text(object.get(name), place + ".parameters." + name));
      }
    }
    try {
      return new Row(
          operation,
          parameters,
          figures(json.get("torpor"), place + ".torpor"),
          optionalFigures(json, place, "yardstick"),
          optionalFigures(json, place, "peer"),
          spread(json, place));
    } catch (IllegalArgumentException e) {
      throw new ResultsFormatException(place + ": " + e.getMessage(), e);
    }
  }

  private static OptionalDouble spread(JsonObject json, String place)
      throws ResultsFormatException {
    if (!json.has("ratioSpread")) {
      return OptionalDouble.empty();
    }
    double spread = number(json.get("ratioSpread"), place + ".ratioSpread");
    if (spread < 0) {
      throw new ResultsFormatException(place + ".ratioSpread is negative");
    }
    return OptionalDouble.of(spread);
  }

  private static Optional<Figures> optionalFigures(JsonObject json, String place, String name)
      throws ResultsFormatException {
    return json.has(name)
        ? Optional.of(figures(json.get(name), place + "." + name))
        : Optional.empty();
  }

  private static Figures figures(JsonElement element, String place) throws ResultsFormatException {
    JsonObject json = object(element, place);
    try {
      return new Figures(
          whole(json.get("p50"), place + ".p50"),
          whole(json.get("p99"), place + ".p99"),
          whole(json.get("max"), place + ".max"),
          Math.toIntExact(whole(json.get("count"), place + ".count")),
          text(json.get("unit"), place + ".unit"));
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw new ResultsFormatException(place + ": " + e.getMessage(), e);
    }
  }

  private static List<Note> notes(JsonElement element) throws ResultsFormatException {
    List<Note> notes = new ArrayList<>();
    if (element == null) {
      return notes;
    }
    JsonArray array = array(element, "notes");
    for (int i = 0; i < array.size(); i++) {
      String place = "notes[" + i + "]";
      JsonObject json = object(array.get(i), place);
      notes.add(
          new Note(
              text(json.get("name"), place + ".name"),
              number(json.get("value"), place + ".value"),
              text(json.get("unit"), place + ".unit")));
    }
    return notes;
  }

  private static JsonObject object(JsonElement element, String place)
      throws ResultsFormatException {
    if (element instanceof JsonObject object) {
      return object;
    }
    throw notA("an object", place, element);
  }

  private static JsonArray array(JsonElement element, String place) throws ResultsFormatException {
    if (element instanceof JsonArray array) {
      return array;
    }
    throw notA("an array", place, element);
  }

  private static String text(JsonElement element, String place) throws ResultsFormatException {
    if (element instanceof JsonPrimitive primitive && primitive.isString()) {
      return primitive.getAsString();
    }
    throw notA("a string", place, element);
  }

  private static long whole(JsonElement element, String place) throws ResultsFormatException {
    try {
      if (element instanceof JsonPrimitive primitive && primitive.isNumber()) {
        return primitive.getAsBigDecimal().longValueExact();
      }
    } catch (ArithmeticException | NumberFormatException e) {
      throw new ResultsFormatException(place + " is no whole number of 64 bits", e);
    }
    throw notA("a whole number", place, element);
  }

  private static double number(JsonElement element, String place) throws ResultsFormatException {
    if (element instanceof JsonPrimitive primitive
        && primitive.isNumber()
        && Double.isFinite(primitive.getAsDouble())) {
      return primitive.getAsDouble();
    }
    throw notA("a number", place, element);
  }

  private static ResultsFormatException notA(String what, String place, JsonElement found) {
    return new ResultsFormatException(
        found == null ? place + " is missing" : place + " is not " + what);
  }
}
