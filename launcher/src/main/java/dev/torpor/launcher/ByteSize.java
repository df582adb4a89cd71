package dev.torpor.launcher;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A size as a person writes it: {@code 512M}.
 *
 * @param bytes the size
 */
record ByteSize(long bytes) {
  private static final Pattern FORM = Pattern.compile("(\\d{1,18})([KMG])");

  /** Reads a number with a unit of 2^10, 2^20 or 2^30 bytes. */
  static ByteSize parse(String text) {
    Matcher form = FORM.matcher(text.toUpperCase(Locale.ROOT));
    if (!form.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a size: write a whole number and K, M or G, for instance 512M");
    }
    int shift = 10 * ("KMG".indexOf(form.group(2)) + 1);
    try {
      return new ByteSize(Math.multiplyExact(Long.parseLong(form.group(1)), 1L << shift));
    } catch (ArithmeticException e) {
      throw new IllegalArgumentException("'" + text + "' is more than any memory", e);
    }
  }

  /** The size with the largest unit that keeps it whole. */
  @Override
  public String toString() {
    int unit = Math.clamp(Long.numberOfTrailingZeros(bytes) / 10, 1, 3);
    return (bytes >> (10 * unit)) + "KMG".substring(unit - 1, unit);
  }

  /** For picocli. */
  static final class Converter implements ITypeConverter<ByteSize> {
    @Override
    public ByteSize convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
