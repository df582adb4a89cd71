package dev.torpor.launcher;

import java.math.BigInteger;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A register's value as a person writes it: decimal, or hexadecimal after {@code 0x}.
 *
 * @param value its 64 bits
 */
record Word(long value) {
  /** What asks a flat guest for its default. */
  static final Word ZERO = new Word(0);

  /** For picocli. */
  static final class Converter implements ITypeConverter<Word> {
    @Override
    public Word convert(String text) {
      boolean hex = text.toLowerCase(Locale.ROOT).startsWith("0x");
      try {
        BigInteger value = new BigInteger(hex ? text.substring(2) : text, hex ? 16 : 10);
        if (value.signum() >= 0 && value.bitLength() <= Long.SIZE) {
          return new Word(value.longValue());
        }
      } catch (NumberFormatException notANumber) {
        // Said below, as for a number that is too large.
      }
      throw new TypeConversionException(
          "'" + text + "' is no value for a register: write a number below 2^64, or 0x and hex");
    }
  }
}
