package dev.torpor.vmm.boot;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Encodes the little of ACPI's machine language that describes devices. Every method returns the
 * bytes of one term. Source: ACPI specification 6.5, chapters 20 (AML) and 6.4 (resources).
 */
final class Aml {
  private static final int ZERO = 0x00;
  private static final int ONE = 0x01;
  private static final int NAME = 0x08;
  private static final int BYTE_PREFIX = 0x0a;
  private static final int WORD_PREFIX = 0x0b;
  private static final int DWORD_PREFIX = 0x0c;
  private static final int QWORD_PREFIX = 0x0e;
  private static final int STRING_PREFIX = 0x0d;
  private static final int SCOPE = 0x10;
  private static final int BUFFER = 0x11;
  private static final int PACKAGE = 0x12;
  private static final int EXTENDED = 0x5b;
  private static final int DEVICE = 0x82;

  private static final int RESOURCE_IO = 0x47;
  private static final int RESOURCE_IRQ = 0x22;
  private static final int RESOURCE_MEMORY32_FIXED = 0x86;
  private static final int RESOURCE_INTERRUPT = 0x89;
  private static final int RESOURCE_END = 0x79;
  private static final int DECODES_16_BITS = 1;
  private static final int WRITABLE = 1;
  private static final int CONSUMER_EDGE_HIGH_EXCLUSIVE = 0x03;

  private static final int MAX_ONE_BYTE_LENGTH = 0x3f;
  private static final int MAX_LENGTH = 0xfff_ffff;

  private Aml() {}

  /** Contents of a namespace that exists already, as {@code \_SB_}. */
  static byte[] scope(String name, byte[]... terms) {
    return concat(bytes(SCOPE), measured(concat(ascii(name), concat(terms))));
  }

  static byte[] device(String name, byte[]... terms) {
    return concat(bytes(EXTENDED, DEVICE), measured(concat(ascii(name), concat(terms))));
  }

  static byte[] name(String name, byte[] value) {
    return concat(bytes(NAME), ascii(name), value);
  }

  static byte[] string(String text) {
    return concat(bytes(STRING_PREFIX), ascii(text), bytes(0));
  }

  /** An integer, in the shortest encoding. */
  static byte[] integer(long value) {
    if (value == 0) {
      return bytes(ZERO);
    }
    if (value == 1) {
      return bytes(ONE);
    }
    if (value >>> 8 == 0) {
      return concat(bytes(BYTE_PREFIX), littleEndian(value, 1));
    }
    if (value >>> 16 == 0) {
      return concat(bytes(WORD_PREFIX), littleEndian(value, 2));
    }
    return value >>> 32 == 0
        ? concat(bytes(DWORD_PREFIX), littleEndian(value, 4))
        : concat(bytes(QWORD_PREFIX), littleEndian(value, 8));
  }

  static byte[] packageOf(byte[]... elements) {
    return concat(bytes(PACKAGE), measured(concat(bytes(elements.length), concat(elements))));
  }

  /** An identifier like {@code PNP0501}, packed into 32 bits: 3 letters of 5, 4 digits of 4. */
  static byte[] eisaId(String id) {
    int packed = 0;
    for (int i = 0; i < 3; i++) {
      packed = packed << 5 | (id.charAt(i) - '@');
    }
    packed = packed << 16 | Integer.parseInt(id.substring(3), 16);
    return concat(
        bytes(DWORD_PREFIX), littleEndian(Integer.toUnsignedLong(Integer.reverseBytes(packed)), 4));
  }

  /** What a device uses: the value of {@code _CRS}. */
  static byte[] resources(byte[]... descriptors) {
    // A checksum of 0 says that there is none.
    byte[] all = concat(concat(descriptors), bytes(RESOURCE_END, 0));
    return concat(bytes(BUFFER), measured(concat(integer(all.length), all)));
  }

  static byte[] ioPorts(long firstPort, int portCount) {
    return concat(
        bytes(RESOURCE_IO, DECODES_16_BITS),
        littleEndian(firstPort, 2),
        littleEndian(firstPort, 2),
        bytes(1, portCount));
  }

  /** An interrupt of the ISA bus: edge-triggered, active high. */
  static byte[] isaInterrupt(int irq) {
    return concat(bytes(RESOURCE_IRQ), littleEndian(1L << irq, 2));
  }

  static byte[] memory(long gpa, long byteSize) {
    return concat(
        bytes(RESOURCE_MEMORY32_FIXED),
        littleEndian(9, 2),
        bytes(WRITABLE),
        littleEndian(gpa, 4),
        littleEndian(byteSize, 4));
  }

  /** An interrupt of the I/O APIC: edge-triggered, active high, not shared. */
  static byte[] interrupt(int gsi) {
    return concat(
        bytes(RESOURCE_INTERRUPT),
        littleEndian(6, 2),
        bytes(CONSUMER_EDGE_HIGH_EXCLUSIVE, 1),
        littleEndian(gsi, 4));
  }

  static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  /**
   * Puts a package length in front, which counts itself: one byte up to 63, else a byte that says
   * how many follow and holds the lowest 4 bits.
   */
  private static byte[] measured(byte[] contents) {
    if (contents.length + 1 <= MAX_ONE_BYTE_LENGTH) {
      return concat(bytes(contents.length + 1), contents);
    }
    int extra = 1;
    while (contents.length + 1 + extra >= 1 << (4 + Byte.SIZE * extra)) {
      extra++;
    }
    int length = contents.length + 1 + extra;
    if (length > MAX_LENGTH) {
      throw new IllegalArgumentException("AML package of " + length + " bytes is too long");
    }
    return concat(bytes(extra << 6 | (length & 0xf)), littleEndian(length >>> 4, extra), contents);
  }

  private static byte[] ascii(String text) {
    return text.getBytes(US_ASCII);
  }

  private static byte[] bytes(int... values) {
    byte[] bytes = new byte[values.length];
    for (int i = 0; i < values.length; i++) {
      bytes[i] = (byte) values[i];
    }
    return bytes;
  }

  private static byte[] littleEndian(long value, int byteCount) {
    byte[] bytes = new byte[byteCount];
    byte[] whole =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
    System.arraycopy(whole, 0, bytes, 0, byteCount);
    return bytes;
  }
}
