package dev.torpor.benchmarks.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class TableTest {
  @Test
  void aRowShowsEachSideAndBothRatios() {
    assertThat(Table.text(TestRows.pause("1 GiB", 900_000)).replaceAll(" +", " "))
        .isEqualTo(
            "pause dirtyPages=2000 memory=1 GiB 900 µs / 1.80 ms 450 / 900 µs 2.00x ±0.05"
                + " 90 ms 0.010x");
  }

  @Test
  void absentSidesAreDashes() {
    assertThat(Table.text(Row.ofTorpor("vm", Map.of(), Figures.nanos(1, 2, 3, 4))))
        .matches("vm +1 / 2 ns +- +- +- +-");
  }

  @Test
  void noLineIsWiderThanPromised() {
    assertThat(Table.header()).hasSizeLessThanOrEqualTo(Table.WIDTH);
    for (Row row : TestRows.results().rows()) {
      assertThat(Table.text(row).lines()).allMatch(line -> line.length() <= Table.WIDTH);
    }
    Row wide =
        Row.ofTorpor(
                "dirty-collect",
                Map.of("dirtyPages", "100000", "memory", "256 MiB", "tracker", "WRITE_PROTECT"),
                new Figures(12_345, 12_345, 12_345, 1, "MB/s"))
            .withPeer(new Figures(12_345, 1, 1, 1, "MB/s"));
    assertThat(Table.text(wide).lines())
        .hasSizeGreaterThan(1)
        .allMatch(line -> line.length() <= Table.WIDTH);
    assertThat(Table.text(wide))
        .contains("dirtyPages=100000", "memory=256 MiB", "tracker=WRITE_PROTECT");
  }
}
