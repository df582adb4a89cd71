package dev.torpor.benchmarks.report;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Text that parsers of XML and of HTML read alike. Whatever is put in as text or as an attribute's
 * value stays that, no matter what it holds.
 */
final class Markup {
  private static final char REPLACEMENT = '\uFFFD';

  private final StringBuilder out = new StringBuilder();
  private final Deque<String> open = new ArrayDeque<>();

  /** Begins an element with attributes, each a name and a value. */
  Markup open(String element, String... attributes) {
    start(element, attributes).append('>');
    open.push(element);
    return this;
  }

  private StringBuilder start(String element, String... attributes) {
    out.append('<').append(element);
    for (int i = 0; i < attributes.length; i += 2) {
      out.append(' ').append(attributes[i]).append("=\"");
      escape(attributes[i + 1]);
      out.append('"');
    }
    return out;
  }

  /** Ends the element that was begun last. */
  Markup close() {
    out.append("</").append(open.pop()).append(">");
    return this;
  }

  Markup text(String text) {
    escape(text);
    return this;
  }

  /** Where an element ends that people would want to see on a line of its own. */
  Markup newline() {
    out.append('\n');
    return this;
  }

  /** An element that has text only. */
  Markup leaf(String element, String text, String... attributes) {
    return open(element, attributes).text(text).close();
  }

  /** An element that has nothing in it, and that HTML knows to have nothing. */
  Markup empty(String element, String... attributes) {
    start(element, attributes).append("/>");
    return this;
  }

  private void escape(String text) {
    text.codePoints().forEach(this::escape);
  }

  private void escape(int codePoint) {
    switch (codePoint) {
      case '<' -> out.append("&lt;");
      case '>' -> out.append("&gt;");
      case '&' -> out.append("&amp;");
      case '"' -> out.append("&quot;");
      case '\'' -> out.append("&#39;");
      default -> out.appendCodePoint(isXml(codePoint) ? codePoint : REPLACEMENT);
    }
  }

  /** XML 1.0 has no way to write the others; nor does anybody want to read them. */
  private static boolean isXml(int codePoint) {
    return codePoint == '\t'
        || codePoint == '\n'
        || isBetween(codePoint, 0x20, 0x7E)
        || isBetween(codePoint, 0xA0, 0xD7FF)
        || isBetween(codePoint, 0xE000, 0xFFFD)
        || codePoint >= 0x10000;
  }

  private static boolean isBetween(int codePoint, int first, int last) {
    return codePoint >= first && codePoint <= last;
  }

  /** All of it, once every element has ended. */
  @Override
  public String toString() {
    if (!open.isEmpty()) {
      throw new IllegalStateException("not ended: " + open);
    }
    return out.toString();
  }
}
