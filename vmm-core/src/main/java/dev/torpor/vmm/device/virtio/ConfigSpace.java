package dev.torpor.vmm.device.virtio;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** A device's read-only configuration space (2.5): little-endian fields, zeroes behind them. */
final class ConfigSpace {
  private final ByteBuffer bytes;

  ConfigSpace(int byteSize) {
    bytes = ByteBuffer.allocate(byteSize).order(ByteOrder.LITTLE_ENDIAN);
  }

  ConfigSpace putByte(int offset, int value) {
    bytes.put(offset, (byte) value);
    return this;
  }

  ConfigSpace putShort(int offset, int value) {
    bytes.putShort(offset, (short) value);
    return this;
  }

  ConfigSpace putInt(int offset, int value) {
    bytes.putInt(offset, value);
    return this;
  }

  ConfigSpace putLong(int offset, long value) {
    bytes.putLong(offset, value);
    return this;
  }

  long read(long offset, int byteCount) {
    long value = 0;
    for (int i = 0; i < byteCount; i++) {
      if (offset + i < bytes.capacity()) {
        value |= (bytes.get((int) offset + i) & 0xffL) << (i * Byte.SIZE);
      }
    }
    return value;
  }
}
