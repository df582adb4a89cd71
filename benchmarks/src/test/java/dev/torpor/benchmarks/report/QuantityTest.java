package dev.torpor.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class QuantityTest {
  @ParameterizedTest
  @CsvSource({
    "0, ns, 0 ns",
    "999, ns, 999 ns",
    "1000, ns, 1 µs",
    "24700, ns, 24.7 µs",
    "999499, ns, 999 µs",
    "999600, ns, 1.00 ms",
    "1234567, ns, 1.23 ms",
    "5120200000, ns, 5.12 s",
    "7200000000000, ns, 7200 s",
    "1023, bytes, 1023 B",
    "1024, bytes, 1 KiB",
    "1073741824, bytes, 1 GiB",
    "1234, MB/s, 1234 MB/s"
  })
  void valuesAreShownInTheUnitThatPeopleWouldUse(long value, String unit, String text) {
    assertThat(Quantity.text(value, unit)).isEqualTo(text);
  }

  @Property
  void whatIsShownIsReadBackWithinAHalfPercent(
      @ForAll @LongRange(min = 1, max = 1L << 50) long nanos) {
    double read = Quantity.parse(Quantity.text(nanos, Figures.NANOS)).orElseThrow();
    assertThat(read).isCloseTo((double) nanos, within(nanos * 0.0055));
  }

  @Property
  void sizesAreReadBackToo(@ForAll @LongRange(min = 1024, max = 1L << 50) long bytes) {
    double read = Quantity.parse(Quantity.text(bytes, Figures.BYTES)).orElseThrow();
    assertThat(read).isCloseTo((double) bytes, within(bytes * 0.0055));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "paged", "-1", "1 GB", "1e9", "12 13", "1 GiB or so", "99999999999999999999"})
  void whatIsNoNumberIsNone(String text) {
    assertThat(Quantity.parse(text)).isEmpty();
  }

  @Test
  void parametersAreReadWithAndWithoutUnit() {
    assertThat(Quantity.parse("2000")).hasValue(2000);
    assertThat(Quantity.parse("8 GiB")).hasValue(0x1p33);
    assertThat(Quantity.parse("10 ms")).hasValue(1e7);
  }

  @ParameterizedTest
  @CsvSource({"0.0123, 0.012x", "0.5, 0.50x", "1.2449, 1.24x", "123.4, 123x"})
  void ratiosHaveAsManyDigitsAsMeanSomething(double ratio, String text) {
    assertThat(Quantity.ratioText(ratio)).isEqualTo(text);
  }
}
