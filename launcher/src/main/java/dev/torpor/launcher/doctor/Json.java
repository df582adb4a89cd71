package dev.torpor.launcher.doctor;

import java.util.Iterator;
import java.util.Map;

/** Writes maps, lists, strings, numbers and booleans as JSON (RFC 8259). */
final class Json {
  private final StringBuilder text = new StringBuilder();

  private Json() {}

  static String write(Object value) {
    Json json = new Json();
    json.value(value, 0);
    return json.text.toString();
  }

  private void value(Object value, int depth) {
    switch (value) {
      case Map<?, ?> map -> object(map, depth);
      case Iterable<?> list -> array(list, depth);
      case String string -> string(string);
      case Number number -> text.append(number);
      case Boolean bool -> text.append(bool);
      default -> throw new IllegalArgumentException("no JSON for " + value.getClass());
    }
  }

  /** Lists of objects and the outermost object are spread over lines; the rest is not. */
  private void object(Map<?, ?> map, int depth) {
    String separator = depth == 0 ? ",\n " : ", ";
    text.append('{');
    for (Iterator<? extends Map.Entry<?, ?>> i = map.entrySet().iterator(); i.hasNext(); ) {
      Map.Entry<?, ?> entry = i.next();
      string((String) entry.getKey());
      text.append(": ");
      value(entry.getValue(), depth + 1);
      text.append(i.hasNext() ? separator : "");
    }
    text.append('}');
  }

  private void array(Iterable<?> list, int depth) {
    text.append('[');
    String separator = "\n  ";
    for (Object element : list) {
      text.append(separator);
      value(element, depth + 1);
      separator = ",\n  ";
    }
    text.append("\n]");
  }

  private void string(String string) {
    text.append('"');
    string
        .chars()
        .forEach(
            c -> {
              switch (c) {
                case '"' -> text.append("\\\"");
                case '\\' -> text.append("\\\\");
                case '\n' -> text.append("\\n");
                default -> {
                  if (c < ' ') {
                    text.append("\\u%04x".formatted(c));
                  } else {
                    text.append((char) c);
                  }
                }
              }
            });
    text.append('"');
  }
}
