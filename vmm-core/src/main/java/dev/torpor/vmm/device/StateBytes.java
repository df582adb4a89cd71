package dev.torpor.vmm.device;

import java.util.Arrays;
import java.util.HexFormat;

/** Bytes in a device's saved state: immutable, and equal where they hold the same. */
public final class StateBytes {
  /** No bytes. */
  public static final StateBytes EMPTY = new StateBytes(new byte[0]);

  private final byte[] bytes;

  private StateBytes(byte[] bytes) {
    this.bytes = bytes;
  }

  /**
   * Copies bytes.
   *
   * @param bytes what to keep
   * @return the same bytes, which nobody changes
   */
  public static StateBytes of(byte... bytes) {
    return new StateBytes(bytes.clone());
  }

  /**
   * How many there are.
   *
   * @return the length
   */
  public int byteCount() {
    return bytes.length;
  }

  /**
   * Copies them out.
   *
   * @return a new array
   */
  public byte[] toArray() {
    return bytes.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof StateBytes that && Arrays.equals(bytes, that.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return HexFormat.of().formatHex(bytes);
  }
}
