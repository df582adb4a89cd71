package dev.torpor.vmm.device;

/**
 * A device of 8-bit registers, one to an address, as on the ISA bus: a wider access is a row of
 * accesses to neighbours, the lowest first.
 */
abstract class ByteRegisters implements BusDevice {
  static final int NOTHING = 0xff;

  /** The value of one register, 0 to 0xff; {@link #NOTHING} behind the last. */
  abstract int readByte(int register);

  /** Writes {@code value}, 0 to 0xff, to one register. Vanishes behind the last. */
  abstract void writeByte(int register, int value);

  @Override
  public final long read(long offset, int byteCount) {
    long value = 0;
    for (int i = 0; i < byteCount; i++) {
      value |= (long) readByte((int) offset + i) << (i * Byte.SIZE);
    }
    return value;
  }

  @Override
  public final void write(long offset, int byteCount, long value) {
    for (int i = 0; i < byteCount; i++) {
      writeByte((int) offset + i, (int) (value >>> (i * Byte.SIZE)) & 0xff);
    }
  }
}
