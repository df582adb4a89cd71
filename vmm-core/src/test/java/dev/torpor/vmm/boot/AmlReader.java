package dev.torpor.vmm.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads back the AML that the encoder can write, knowing nothing of it. Every term must end exactly
 * where its package length says.
 */
final class AmlReader {
  private final ByteBuffer aml;
  private final Map<String, Object> names = new LinkedHashMap<>();

  private AmlReader(byte[] aml) {
    this.aml = ByteBuffer.wrap(aml).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** All names with their values; those in a device as {@code \_SB_.COM1._HID}. */
  static Map<String, Object> read(byte[] aml) {
    AmlReader reader = new AmlReader(aml);
    reader.terms(aml.length, "");
    return reader.names;
  }

  private void terms(int end, String path) {
    while (aml.position() < end) {
      int opcode = aml.get() & 0xff;
      switch (opcode) {
        case 0x08 -> {
          String name = name(path);
          assertThat(names.put(name, value())).as("second %s", name).isNull();
        }
        case 0x10 -> nested(path);
        case 0x5b -> {
          assertThat(aml.get() & 0xff).as("DeviceOp").isEqualTo(0x82);
          nested(path);
        }
        default -> throw new AssertionError("opcode 0x%x at %d".formatted(opcode, aml.position()));
      }
    }
    assertThat(aml.position()).isEqualTo(end);
  }

  private void nested(String path) {
    int end = packageEnd();
    terms(end, name(path));
  }

  private int packageEnd() {
    int start = aml.position();
    int lead = aml.get() & 0xff;
    int extra = lead >> 6;
    int length = extra == 0 ? lead & 0x3f : lead & 0x0f;
    for (int i = 0; i < extra; i++) {
      length |= (aml.get() & 0xff) << (4 + 8 * i);
    }
    return start + length;
  }

  private String name(String path) {
    boolean absolute = aml.get(aml.position()) == '\\';
    byte[] name = new byte[absolute ? 5 : 4];
    aml.get(name);
    String text = new String(name, US_ASCII);
    assertThat(text).matches("\\\\?[A-Z_][A-Z0-9_]{3}");
    return absolute || path.isEmpty() ? text : path + "." + text;
  }

  private Object value() {
    int opcode = aml.get() & 0xff;
    return switch (opcode) {
      case 0x00, 0x01 -> (long) opcode;
      case 0x0a -> aml.get() & 0xffL;
      case 0x0b -> aml.getShort() & 0xffffL;
      case 0x0c -> aml.getInt() & 0xffff_ffffL;
      case 0x0e -> aml.getLong();
      case 0x0d -> string();
      case 0x11 -> buffer();
      case 0x12 -> list();
      default -> throw new AssertionError("value opcode 0x%x".formatted(opcode));
    };
  }

  private String string() {
    StringBuilder text = new StringBuilder();
    for (byte c = aml.get(); c != 0; c = aml.get()) {
      text.append((char) c);
    }
    return text.toString();
  }

  private ByteBuffer buffer() {
    int end = packageEnd();
    int byteCount = Math.toIntExact((Long) value());
    assertThat(aml.position() + byteCount).isEqualTo(end);
    ByteBuffer contents = aml.slice(aml.position(), byteCount).order(ByteOrder.LITTLE_ENDIAN);
    aml.position(end);
    return contents;
  }

  private Object list() {
    int end = packageEnd();
    Object[] elements = new Object[aml.get() & 0xff];
    for (int i = 0; i < elements.length; i++) {
      elements[i] = value();
    }
    assertThat(aml.position()).isEqualTo(end);
    return java.util.List.of(elements);
  }
}
