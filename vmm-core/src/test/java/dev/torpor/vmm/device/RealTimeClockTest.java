package dev.torpor.vmm.device;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class RealTimeClockTest {
  private static final int[] TIME = {0x32, 0x09, 0x08, 0x07, 0x04, 0x02, 0x00};

  private Instant now = Instant.parse("2031-12-24T23:59:58.100Z");
  private final RealTimeClock clock = new RealTimeClock(() -> now);

  private int read(int register) {
    clock.write(0, 1, register);
    return (int) clock.read(1, 1);
  }

  private void write(int register, int value) {
    clock.write(0, 1, register | 0x80); // with NMIs masked
    clock.write(1, 1, value);
  }

  private String shown() {
    StringBuilder text = new StringBuilder();
    for (int register : TIME) {
      text.append("%02x ".formatted(read(register)));
    }
    return text.toString().strip();
  }

  private void set(int... values) {
    write(0x0b, read(0x0b) | 0x80);
    for (int i = 0; i < TIME.length; i++) {
      write(TIME[i], values[i]);
    }
    write(0x0b, read(0x0b) & 0x7f);
  }

  @Test
  void showsTheHostsTimeInBcdAnd24HoursAtFirst() {
    assertThat(shown()).isEqualTo("20 31 12 24 23 59 58");
    assertThat(read(0x06)).as("a Wednesday").isEqualTo(4);
    assertThat(read(0x0d)).isEqualTo(0x80);
    now = now.plusSeconds(2);
    assertThat(shown()).isEqualTo("20 31 12 25 00 00 00");
  }

  @Test
  void showsBinaryAndHalfDaysWhereRegisterBSaysSo() {
    write(0x0b, 0x04);
    assertThat(read(0x04)).as("11 p.m.").isEqualTo(0x80 | 11);
    assertThat(read(0x02)).isEqualTo(59);
    now = Instant.parse("2031-12-25T00:30:00Z");
    assertThat(read(0x04)).as("12 a.m.").isEqualTo(12);
    write(0x0b, 0x00);
    now = Instant.parse("2031-12-25T12:30:00Z");
    assertThat(read(0x04)).as("12 p.m.").isEqualTo(0x92);
  }

  @Test
  void announcesAnUpdateBeforeTheSecondChanges() {
    assertThat(read(0x0a)).isEqualTo(0x26);
    now = Instant.parse("2031-12-24T23:59:58.999Z");
    assertThat(read(0x0a)).isEqualTo(0xa6);
    write(0x0b, 0x82);
    assertThat(read(0x0a)).as("no updates while being set").isEqualTo(0x26);
  }

  @Test
  void timeThatTheGuestSetsRunsOnFromThere() {
    set(0x19, 0x99, 0x12, 0x31, 0x23, 0x59, 0x59);
    assertThat(shown()).isEqualTo("19 99 12 31 23 59 59");
    now = now.plusMillis(500);
    assertThat(shown()).isEqualTo("20 00 01 01 00 00 00");
  }

  @Test
  void clockStandsStillWhileItIsBeingSet() {
    write(0x0b, 0x82);
    now = now.plusSeconds(100);
    assertThat(shown()).isEqualTo("20 31 12 24 23 59 58");
  }

  @Test
  void oneRegisterMayBeChangedWhileTheClockRuns() {
    write(0x02, 0x07);
    assertThat(shown()).isEqualTo("20 31 12 24 23 07 58");
    now = now.plus(Duration.ofHours(1));
    assertThat(shown()).isEqualTo("20 31 12 25 00 07 58");
  }

  @Test
  void timeThatIsNoneChangesNothing() {
    set(0x20, 0x31, 0x13, 0x31, 0x23, 0x59, 0x59);
    assertThat(shown()).isEqualTo("20 31 12 24 23 59 58");
    write(0x00, 0xff);
    assertThat(shown()).isEqualTo("20 31 12 24 23 59 58");
  }

  @Test
  void alarmAndOtherBytesAreMemory() {
    write(0x01, 0x15);
    write(0x05, 0xc0);
    write(0x7f, 0x99);
    assertThat(read(0x01)).isEqualTo(0x15);
    assertThat(read(0x05)).isEqualTo(0xc0);
    assertThat(read(0x7f)).isEqualTo(0x99);
  }

  @Test
  void restoredClockShowsThePresentAndKeepsTheGuestsOffset() {
    set(0x20, 0x31, 0x12, 0x24, 0x22, 0x00, 0x00);
    write(0x40, 0x77);
    RealTimeClockState state = clock.capture();
    now = now.plus(Duration.ofDays(7));
    RealTimeClock restored = new RealTimeClock(() -> now);
    restored.restore(state);
    assertThat(restored.read(1, 1)).as("the selected register").isEqualTo(0x77);
    restored.write(0, 1, 0x07);
    assertThat(restored.read(1, 1)).isEqualTo(0x31);
    restored.write(0, 1, 0x04);
    assertThat(restored.read(1, 1)).isEqualTo(0x22);
  }

  @Property
  void everyTimeThatIsSetIsTheTimeThatIsShown(
      @ForAll @LongRange(max = 253_402_300_799L) long epochSecond) {
    now = Instant.ofEpochSecond(epochSecond);
    String other = shown();
    int[] values = new int[TIME.length];
    for (int i = 0; i < TIME.length; i++) {
      values[i] = read(TIME[i]);
    }
    now = Instant.EPOCH;
    set(values);
    assertThat(shown()).isEqualTo(other);
  }
}
