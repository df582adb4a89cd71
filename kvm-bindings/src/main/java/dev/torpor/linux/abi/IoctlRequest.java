package dev.torpor.linux.abi;

import java.lang.foreign.MemoryLayout;

/**
 * One ioctl request. Its number is computed from the direction, the type and sequence numbers and
 * the size of the argument, so that a wrong size cannot be typed (Linux: {@code
 * include/uapi/asm-generic/ioctl.h}).
 *
 * @param name the kernel's name of the request
 * @param code the number that the kernel decodes; direction in bits 30–31, byte size in 16–29
 */
public record IoctlRequest(String name, long code) {
  private static final int NONE = 0;
  private static final int WRITE = 1;
  private static final int READ = 2;

  /** {@code _IO}: no argument, or one passed by value. */
  public static IoctlRequest plain(String name, int type, int number) {
    return encode(name, NONE, type, number, 0);
  }

  /** {@code _IOW}: the kernel reads the argument. */
  public static IoctlRequest write(String name, int type, int number, MemoryLayout argument) {
    return encode(name, WRITE, type, number, argument.byteSize());
  }

  /** {@code _IOR}: the kernel fills the argument. */
  public static IoctlRequest read(String name, int type, int number, MemoryLayout argument) {
    return encode(name, READ, type, number, argument.byteSize());
  }

  /** {@code _IOWR}: the kernel reads the argument and fills it. */
  public static IoctlRequest readWrite(String name, int type, int number, MemoryLayout argument) {
    return encode(name, READ | WRITE, type, number, argument.byteSize());
  }

  private static IoctlRequest encode(
      String name, int direction, int type, int number, long byteSize) {
    return new IoctlRequest(
        name, (long) direction << 30 | byteSize << 16 | (long) type << 8 | number);
  }
}
