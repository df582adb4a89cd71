package dev.torpor.vmm.device;

import java.time.DateTimeException;
import java.time.InstantSource;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Objects;

/**
 * A PC's clock that runs while the machine is off: an MC146818 with 128 bytes of CMOS memory.
 *
 * <p>It shows the host's time in UTC, plus an offset that the guest makes when it sets the clock.
 * So a machine that comes back from a checkpoint finds the present time here. Alarms are stored,
 * but nothing raises interrupts. Source: Motorola's data sheet of the MC146818A; the century is
 * where the FADT says it is.
 */
public final class RealTimeClock extends ByteRegisters {
  /** The first I/O port: it selects a register, the next one reaches it. */
  public static final int FIRST_PORT = 0x70;

  /** How many I/O ports the clock has. */
  public static final int PORT_COUNT = 2;

  /** The CMOS register of the century, for the FADT. */
  public static final int CENTURY = 0x32;

  private static final int CMOS_BYTES = 128;
  private static final int SELECT_PORT = 0;
  private static final int DATA_PORT = 1;
  private static final int REGISTER_MASK = 0x7f; // bit 7 masks NMIs, which nobody raises

  private static final int SECONDS = 0x00;
  private static final int MINUTES = 0x02;
  private static final int HOURS = 0x04;
  private static final int DAY_OF_WEEK = 0x06;
  private static final int DAY_OF_MONTH = 0x07;
  private static final int MONTH = 0x08;
  private static final int YEAR = 0x09;
  private static final int REGISTER_A = 0x0a;
  private static final int REGISTER_B = 0x0b;
  private static final int REGISTER_C = 0x0c;
  private static final int REGISTER_D = 0x0d;

  private static final int A_UPDATE_IN_PROGRESS = 0x80;
  private static final int A_32_KHZ_1024_HZ = 0x26;
  private static final int B_24_HOURS = 0x02;
  private static final int B_BINARY = 0x04;
  private static final int B_SET = 0x80;
  private static final int D_VALID = 0x80;
  private static final int PM = 0x80;

  private static final long MILLIS_PER_SECOND = 1000;
  // The chip announces an update 244 us before it, and takes 1984 us for it.
  private static final long UPDATE_MILLIS = 2;
  // After a set the chip's divider starts anew, and its first update is half a second away.
  private static final long MILLIS_AFTER_SET = 500;

  private final InstantSource host;
  private final byte[] cmos = new byte[CMOS_BYTES];
  private int selected;
  private long offsetMillis;
  private LocalDateTime shown = LocalDateTime.MIN;
  private long shownEpochSecond = Long.MIN_VALUE;

  /**
   * Makes a clock that shows the host's time.
   *
   * @param host the host's time
   */
  public RealTimeClock(InstantSource host) {
    this.host = Objects.requireNonNull(host);
    cmos[REGISTER_A] = A_32_KHZ_1024_HZ;
    cmos[REGISTER_B] = B_24_HOURS;
  }

  /**
   * Captures the state.
   *
   * @return what {@link #restore} takes
   */
  public synchronized RealTimeClockState capture() {
    return new RealTimeClockState(selected, StateBytes.of(cmos), offsetMillis);
  }

  /**
   * Goes back to a state, but not to its time: the clock ran on.
   *
   * @param state what {@link #capture} gave
   */
  public synchronized void restore(RealTimeClockState state) {
    selected = state.selectedRegister() & REGISTER_MASK;
    offsetMillis = state.offsetMillis();
    Arrays.fill(cmos, (byte) 0);
    byte[] saved = state.cmos().toArray();
    System.arraycopy(saved, 0, cmos, 0, Math.min(saved.length, CMOS_BYTES));
  }

  @Override
  synchronized int readByte(int port) {
    return port == DATA_PORT ? readRegister(selected) : NOTHING;
  }

  @Override
  synchronized void writeByte(int port, int value) {
    switch (port) {
      case SELECT_PORT -> selected = value & REGISTER_MASK;
      case DATA_PORT -> writeRegister(selected, value);
      default -> {}
    }
  }

  private int readRegister(int register) {
    return switch (register) {
      case REGISTER_A -> (cmos[REGISTER_A] & 0xff) | (isUpdating() ? A_UPDATE_IN_PROGRESS : 0);
      case REGISTER_C -> 0; // no interrupt is ever pending
      case REGISTER_D -> D_VALID;
      default -> {
        if (isTime(register) && !isBeingSet()) {
          latchTime();
        }
        yield cmos[register] & 0xff;
      }
    };
  }

  private void writeRegister(int register, int value) {
    switch (register) {
      case REGISTER_A -> cmos[register] = (byte) (value & ~A_UPDATE_IN_PROGRESS);
      case REGISTER_B -> writeRegisterB(value);
      case REGISTER_C, REGISTER_D -> {} // read-only
      default -> {
        if (isTime(register) && !isBeingSet()) {
          changeRunningTime(register, value);
        } else {
          cmos[register] = (byte) value;
        }
      }
    }
  }

  private static boolean isTime(int register) {
    return switch (register) {
      case SECONDS, MINUTES, HOURS, DAY_OF_WEEK, DAY_OF_MONTH, MONTH, YEAR, CENTURY -> true;
      default -> false;
    };
  }

  private boolean isBeingSet() {
    return (cmos[REGISTER_B] & B_SET) != 0;
  }

  private long guestMillis() {
    return host.millis() + offsetMillis;
  }

  private boolean isUpdating() {
    long millisOfSecond = Math.floorMod(guestMillis(), MILLIS_PER_SECOND);
    return !isBeingSet() && millisOfSecond >= MILLIS_PER_SECOND - UPDATE_MILLIS;
  }

  /** While SET is one the registers stand still; the change back to zero sets the clock. */
  private void writeRegisterB(int value) {
    boolean wasBeingSet = isBeingSet();
    if (!wasBeingSet) {
      latchTime();
    }
    cmos[REGISTER_B] = (byte) value;
    if (wasBeingSet && !isBeingSet()) {
      long epochSecond = latchedEpochSecond();
      if (epochSecond != Long.MIN_VALUE) {
        offsetMillis = epochSecond * MILLIS_PER_SECOND + MILLIS_AFTER_SET - host.millis();
      }
    }
  }

  private void changeRunningTime(int register, int value) {
    latchTime();
    long before = latchedEpochSecond();
    cmos[register] = (byte) value;
    long after = latchedEpochSecond();
    if (before != Long.MIN_VALUE && after != Long.MIN_VALUE) {
      offsetMillis += (after - before) * MILLIS_PER_SECOND;
    }
  }

  /** Brings the time registers up to date. */
  private void latchTime() {
    long epochSecond = Math.floorDiv(guestMillis(), MILLIS_PER_SECOND);
    if (epochSecond != shownEpochSecond) {
      shown = LocalDateTime.ofEpochSecond(epochSecond, 0, ZoneOffset.UTC);
      shownEpochSecond = epochSecond;
    }
    cmos[SECONDS] = encode(shown.getSecond());
    cmos[MINUTES] = encode(shown.getMinute());
    cmos[HOURS] = encodeHour(shown.getHour());
    cmos[DAY_OF_WEEK] = encode(shown.getDayOfWeek().getValue() % 7 + 1); // Sunday is 1
    cmos[DAY_OF_MONTH] = encode(shown.getDayOfMonth());
    cmos[MONTH] = encode(shown.getMonthValue());
    cmos[YEAR] = encode(shown.getYear() % 100);
    cmos[CENTURY] = encode(shown.getYear() / 100);
  }

  /** The time in the registers; {@link Long#MIN_VALUE} where they hold no time. */
  private long latchedEpochSecond() {
    try {
      return LocalDateTime.of(
              decode(cmos[CENTURY]) * 100 + decode(cmos[YEAR]),
              decode(cmos[MONTH]),
              decode(cmos[DAY_OF_MONTH]),
              decodeHour(cmos[HOURS]),
              decode(cmos[MINUTES]),
              decode(cmos[SECONDS]))
          .toEpochSecond(ZoneOffset.UTC);
    } catch (DateTimeException e) {
      return Long.MIN_VALUE;
    }
  }

  private boolean has(int registerBFlag) {
    return (cmos[REGISTER_B] & registerBFlag) != 0;
  }

  private byte encode(int value) {
    return (byte) (has(B_BINARY) ? value : ((value / 10) << 4) | (value % 10));
  }

  private byte encodeHour(int hour) {
    if (has(B_24_HOURS)) {
      return encode(hour);
    }
    int hourOfHalfDay = hour % 12 == 0 ? 12 : hour % 12;
    return (byte) (encode(hourOfHalfDay) | (hour >= 12 ? PM : 0));
  }

  private int decode(int value) {
    return has(B_BINARY) ? value & 0xff : ((value >> 4) & 0xf) * 10 + (value & 0xf);
  }

  private int decodeHour(int value) {
    if (has(B_24_HOURS)) {
      return decode(value);
    }
    return decode(value & ~PM) % 12 + ((value & PM) != 0 ? 12 : 0);
  }
}
