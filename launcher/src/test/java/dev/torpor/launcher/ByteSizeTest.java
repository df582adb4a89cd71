package dev.torpor.launcher;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.math.BigInteger;
import java.util.Locale;
import net.jqwik.api.Assume;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.StringLength;

class ByteSizeTest {
  private static final String UNITS = "KMG";

  @Property
  void everySizeIsItsNumberTimesItsUnit(
      @ForAll @LongRange(min = 0, max = 999_999_999_999_999_999L) long number,
      @ForAll boolean lowerCase,
      @ForAll @LongRange(min = 0, max = 2) long unit) {
    String written = number + UNITS.substring((int) unit, (int) unit + 1);
    BigInteger exact = BigInteger.valueOf(number).shiftLeft(10 * ((int) unit + 1));
    String text = lowerCase ? written.toLowerCase(Locale.ROOT) : written;

    if (exact.bitLength() < Long.SIZE) {
      assertThat(ByteSize.parse(text).bytes()).isEqualTo(exact.longValueExact());
    } else {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> ByteSize.parse(text))
          .withMessageContaining("more than any memory");
    }
  }

  @Property
  void aSizeSurvivesBeingWrittenAndRead(
      @ForAll @LongRange(min = 1, max = Long.MAX_VALUE >> 10) long kibibytes) {
    ByteSize size = new ByteSize(kibibytes << 10);

    assertThat(ByteSize.parse(size.toString())).isEqualTo(size);
  }

  @Property
  void anythingElseIsRefusedByNamingIt(@ForAll @StringLength(max = 8) String text) {
    Assume.that(!text.matches("(?i)\\d+[KMG]"));

    assertThatIllegalArgumentException()
        .isThrownBy(() -> ByteSize.parse(text))
        .withMessageStartingWith("'" + text + "' is not a size");
  }

  @Example
  void theUnitIsTheLargestThatKeepsTheSizeWhole() {
    assertThat(new ByteSize(512L << 20)).hasToString("512M");
    assertThat(new ByteSize(1536L << 20)).hasToString("1536M");
    assertThat(new ByteSize(2L << 40)).hasToString("2048G");
    assertThat(new ByteSize(4 << 10)).hasToString("4K");
  }
}
