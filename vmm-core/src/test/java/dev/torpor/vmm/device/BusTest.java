package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class BusTest {
  record Range(long start, long byteSize) {
    boolean overlaps(Range other) {
      return start < other.start + other.byteSize && other.start < start + byteSize;
    }
  }

  /** Answers reads with what tells it and the offset apart, and notes writes. */
  private static final class Probe implements BusDevice {
    private final long id;
    private final List<String> writes = new ArrayList<>();

    Probe(long id) {
      this.id = id;
    }

    @Override
    public long read(long offset, int byteCount) {
      return (id << 32) | offset;
    }

    @Override
    public void write(long offset, int byteCount, long value) {
      writes.add(offset + ":" + byteCount + "=" + value);
    }
  }

  @Provide
  Arbitrary<List<Range>> ranges() {
    return Combinators.combine(
            Arbitraries.longs().between(0, 200), Arbitraries.longs().between(1, 30))
        .as(Range::new)
        .list()
        .ofMaxSize(20);
  }

  @Property
  void anAddressReachesTheDeviceThatANaiveSearchFinds(
      @ForAll("ranges") List<Range> wanted, @ForAll @LongRange(max = 250) long address) {
    Bus bus = new Bus("test");
    List<Range> attached = new ArrayList<>();
    for (Range range : wanted) {
      Probe probe = new Probe(attached.size());
      if (attached.stream().anyMatch(range::overlaps)) {
        assertThatThrownBy(() -> bus.attach(range.start, range.byteSize, probe))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessageContaining("overlaps");
      } else {
        bus.attach(range.start, range.byteSize, probe);
        attached.add(range);
      }
    }
    long expected = -1;
    for (int id = 0; id < attached.size(); id++) {
      Range range = attached.get(id);
      if (address >= range.start && address < range.start + range.byteSize) {
        expected = ((long) id << 32) | (address - range.start);
      }
    }
    assertThat(bus.read(address, 8)).isEqualTo(expected);
  }

  @Test
  void whereNothingAnswersReadsGiveAllOnesAndWritesVanish() {
    Bus bus = new Bus("test");
    assertThat(bus.read(0x80, 1)).isEqualTo(0xff);
    assertThat(bus.read(0x80, 2)).isEqualTo(0xffff);
    assertThat(bus.read(0x80, 4)).isEqualTo(0xffff_ffffL);
    assertThat(bus.read(0x80, 8)).isEqualTo(-1);
    bus.write(0x80, 1, 1);
  }

  @Test
  void aValueWiderThanTheAccessIsCut() {
    Bus bus = new Bus("test");
    bus.attach(0, 8, new Probe(0x1234));
    assertThat(bus.read(5, 1)).isEqualTo(5);
  }

  @Test
  void aWriteReachesItsDeviceWithOffsetWidthAndValue() {
    Bus bus = new Bus("test");
    Probe probe = new Probe(1);
    bus.attach(0x3f8, 8, probe);
    bus.write(0x3fb, 1, 0x80);
    assertThat(probe.writes).containsExactly("3:1=128");
  }

  @Test
  void aHostileAddressFindsNothing() {
    Bus bus = new Bus("test");
    bus.attach(Long.MAX_VALUE - 16, 16, new Probe(1));
    assertThat(bus.read(-1, 8)).isEqualTo(-1);
    assertThat(bus.read(Long.MIN_VALUE, 8)).isEqualTo(-1);
  }

  @Test
  void aRangeThatIsNoneIsRefused() {
    Bus bus = new Bus("test");
    Probe probe = new Probe(1);
    for (long[] range : new long[][] {{-1, 8}, {0, 0}, {0, -1}, {Long.MAX_VALUE, 2}}) {
      assertThatThrownBy(() -> bus.attach(range[0], range[1], probe))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is not a range");
    }
  }
}
