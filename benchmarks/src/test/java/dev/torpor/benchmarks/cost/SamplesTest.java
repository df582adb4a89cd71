package dev.torpor.benchmarks.cost;

import static org.assertj.core.api.Assertions.assertThat;

import dev.torpor.benchmarks.report.Figures;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class SamplesTest {
  @Property
  void figuresAreThoseOfAllSamplesHoweverMany(
      @ForAll @Size(min = 1, max = 3000) List<@LongRange(min = 0, max = 500) Long> values) {
    Samples samples = new Samples();
    values.forEach(samples::add);
    long[] sorted = values.stream().mapToLong(Long::longValue).sorted().toArray();
    Figures figures = samples.figures(Figures.BYTES);
    assertThat(figures.count()).isEqualTo(sorted.length);
    assertThat(figures.max()).isEqualTo(sorted[sorted.length - 1]);
    assertThat(shareNotAbove(sorted, figures.p50())).isGreaterThanOrEqualTo(0.5);
    assertThat(shareNotAbove(sorted, figures.p50() - 1)).isLessThan(0.5);
    assertThat(shareNotAbove(sorted, figures.p99())).isGreaterThanOrEqualTo(0.99);
    assertThat(shareNotAbove(sorted, figures.p99() - 1)).isLessThan(0.99);
    assertThat(samples.sum()).isEqualTo(Arrays.stream(sorted).sum());
  }

  private static double shareNotAbove(long[] values, long limit) {
    return (double) Arrays.stream(values).filter(value -> value <= limit).count() / values.length;
  }

  @Test
  void whatIsClearedCountsNoMore() {
    Samples samples = new Samples();
    samples.add(1_000);
    samples.clear();
    samples.add(7);
    assertThat(samples.figures(Figures.NANOS)).isEqualTo(Figures.nanos(7, 7, 7, 1));
  }

  @Test
  void memoryOfGuestsIsNotTheVmms() {
    List<String> smaps =
        List.of(
            "7f0000000000-7f0000100000 rw-p 00000000 00:00 0",
            "Size:               1024 kB",
            "Rss:                 100 kB",
            "7f0000100000-7f0010100000 rw-p 00000000 00:00 0     [anon: 4-2 guest]",
            "Rss:               65536 kB",
            "7f0010100000-7f0010200000 r--s 00000000 fe:00 12345    /tmp/a b-c",
            "Rss:                  20 kB",
            "VmFlags: rd mr mw me");
    OwnMemory.Range guest = new OwnMemory.Range(0x7f0000100000L, 0x7f0000200000L);
    assertThat(OwnMemory.residentBytes(smaps, List.of(guest))).isEqualTo(120 << 10);
    assertThat(OwnMemory.residentBytes(smaps, List.of())).isEqualTo(65656 << 10);
  }
}
