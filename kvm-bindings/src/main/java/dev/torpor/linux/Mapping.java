package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;

/**
 * Owns one mapping of this process's address space, from {@code mmap(2)} to {@code munmap(2)}.
 *
 * <p>{@link #segment()} gives checked access until {@link #close()}; {@link #address()} is the HVA
 * for system calls and memslots, which must end before the mapping does.
 */
public final class Mapping implements AutoCloseable {
  /** May be read. */
  public static final int PROT_READ = 1;

  /** May be written. */
  public static final int PROT_WRITE = 2;

  /** Writes go to the file, and to everyone who maps it. */
  public static final int MAP_SHARED = 0x01;

  /** Writes stay in this mapping, a page copied at its first one. */
  public static final int MAP_PRIVATE = 0x02;

  /** No file: zero pages. */
  public static final int MAP_ANONYMOUS = 0x20;

  /** Pages are made present at once. */
  public static final int MAP_POPULATE = 0x8000;

  /** No swap space is reserved. */
  public static final int MAP_NORESERVE = 0x4000;

  /** Pages of the default huge page size, from the reserved pool. */
  public static final int MAP_HUGETLB = 0x40000;

  private static final int MAP_FIXED = 0x10;

  private static final MethodHandle MMAP =
      Native.link("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
  private static final MethodHandle MUNMAP = Native.link("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle MADVISE =
      Native.link("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
  private static final MethodHandle MPROTECT =
      Native.link("mprotect", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);

  /** What the kernel is told of a range's use (madvise(2)). */
  public enum Advice {
    /** Drops the pages: a private range shows its file, or zeroes, again. */
    DONT_NEED(4),
    /** Drops the pages and the file's blocks behind them. */
    REMOVE(9),
    /** Read soon. */
    WILL_NEED(3),
    /** Transparent huge pages wanted. */
    HUGE_PAGE(14),
    /** Transparent huge pages not wanted. */
    NO_HUGE_PAGE(15),
    /** Left out of core dumps. */
    DONT_DUMP(16),
    /** Made present and readable, since Linux 5.14. */
    POPULATE_READ(22),
    /** Made present and writable, since Linux 5.14. */
    POPULATE_WRITE(23),
    /** Collapsed into huge pages at once, since Linux 6.1. */
    COLLAPSE(25);

    private final int number;

    Advice(int number) {
      this.number = number;
    }
  }

  private final Arena arena;
  private final MemorySegment segment;
  private final long address;
  private final long byteSize;

  @SuppressWarnings("restricted")
  private Mapping(long reservedAddress, long reservedByteSize, long address, long byteSize) {
    this.address = address;
    this.byteSize = byteSize;
    this.arena = Arena.ofShared();
    // SAFETY: mmap returned reservedAddress for reservedByteSize bytes, and [address, byteSize)
    // lies
    // inside; nobody else unmaps them, and closing the arena runs munmap once.
    this.segment =
        MemorySegment.ofAddress(address)
            .reinterpret(byteSize, arena, ignored -> munmap(reservedAddress, reservedByteSize));
  }

  /**
   * Maps zero pages that belong to this process alone.
   *
   * @param byteSize a positive size, rounded up to whole pages by the kernel
   * @param flags further {@code MAP_} flags, or 0
   * @return the mapping, readable and writable
   * @throws LinuxException ENOMEM if address space or huge pages are short
   */
  public static Mapping anonymous(long byteSize, int flags) {
    long address =
        map(0, byteSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return new Mapping(address, byteSize, address, byteSize);
  }

  /**
   * Maps zero pages at an aligned address, so that huge pages can serve the whole of them.
   *
   * @param byteSize a positive size in bytes
   * @param alignment a power of two, at least the page size
   * @param flags further {@code MAP_} flags, or 0
   * @return the mapping, readable and writable
   * @throws LinuxException ENOMEM if address space is short
   */
  public static Mapping anonymousAligned(long byteSize, long alignment, int flags) {
    long reserved = byteSize + alignment;
    long address =
        map(0, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return new Mapping(address, reserved, alignUp(address, alignment), byteSize);
  }

  /**
   * Maps part of a file or memfd.
   *
   * @param file an open file; the mapping outlives it
   * @param fileOffset a page-aligned offset in bytes
   * @param byteSize a positive size in bytes
   * @param protection {@code PROT_} flags
   * @param flags {@code MAP_SHARED} or {@code MAP_PRIVATE}, with further {@code MAP_} flags
   * @return the mapping
   * @throws LinuxException EACCES, EBADF, EINVAL or ENOMEM
   */
  public static Mapping file(
      FileDescriptor file, long fileOffset, long byteSize, int protection, int flags) {
    long address = map(0, byteSize, protection, flags, file.number(), fileOffset);
    return new Mapping(address, byteSize, address, byteSize);
  }

  /**
   * As {@link #file}, at an address aligned for huge pages.
   *
   * @param file an open file; the mapping outlives it
   * @param fileOffset a page-aligned offset in bytes
   * @param byteSize a positive size in bytes
   * @param alignment a power of two, at least the page size
   * @param flags {@code MAP_SHARED} or {@code MAP_PRIVATE}, with further {@code MAP_} flags
   * @return the mapping, readable and writable
   * @throws LinuxException EACCES, EBADF, EINVAL or ENOMEM
   */
  public static Mapping fileAligned(
      FileDescriptor file, long fileOffset, long byteSize, long alignment, int flags) {
    long reserved = byteSize + alignment;
    long base = map(0, reserved, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    long address = alignUp(base, alignment);
    try {
      map(address, byteSize, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file.number(), fileOffset);
    } catch (LinuxException e) {
      munmap(base, reserved);
      throw e;
    }
    return new Mapping(base, reserved, address, byteSize);
  }

  /**
   * Checked access to the mapping's bytes, from any thread, until it is closed.
   *
   * @return the whole mapping
   */
  public MemorySegment segment() {
    return segment;
  }

  /**
   * Where the mapping begins.
   *
   * @return the HVA of the first byte
   */
  public long address() {
    return address;
  }

  /**
   * How long the mapping is.
   *
   * @return the size in bytes
   */
  public long byteSize() {
    return byteSize;
  }

  /**
   * Advises the kernel of a range's use.
   *
   * @param offset a page-aligned offset in the mapping, in bytes
   * @param byteCount the range's length in bytes
   * @param advice the advice
   * @throws LinuxException EINVAL if the kernel does not know the advice
   */
  public void advise(long offset, long byteCount, Advice advice) {
    Objects.checkFromIndexSize(offset, byteCount, byteSize);
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) MADVISE.invokeExact(state, address + offset, byteCount, advice.number);
    } catch (Throwable t) {
      throw Native.mismatch("madvise", t);
    }
    Failures.check(
        "madvise", result, state, () -> describe(offset, byteCount) + ", advice=" + advice);
  }

  /**
   * Changes what may be done with a range.
   *
   * @param offset a page-aligned offset in the mapping, in bytes
   * @param byteCount the range's length in bytes
   * @param protection {@code PROT_} flags, or 0 for no access
   * @throws LinuxException EACCES or ENOMEM
   */
  public void protect(long offset, long byteCount, int protection) {
    Objects.checkFromIndexSize(offset, byteCount, byteSize);
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) MPROTECT.invokeExact(state, address + offset, byteCount, protection);
    } catch (Throwable t) {
      throw Native.mismatch("mprotect", t);
    }
    Failures.check(
        "mprotect", result, state, () -> describe(offset, byteCount) + ", prot=" + protection);
  }

  /**
   * Replaces a range of this mapping by part of a file, at the same addresses. What was there is
   * dropped, and any userfaultfd registration of the range with it.
   *
   * @param offset a page-aligned offset in the mapping, in bytes
   * @param byteCount the range's length in bytes
   * @param file an open file
   * @param fileOffset a page-aligned offset in the file, in bytes
   * @param flags {@code MAP_SHARED} or {@code MAP_PRIVATE}, with further {@code MAP_} flags
   * @throws LinuxException EACCES, EBADF, EINVAL or ENOMEM; the range may then be unmapped
   */
  public void replace(
      long offset, long byteCount, FileDescriptor file, long fileOffset, int flags) {
    Objects.checkFromIndexSize(offset, byteCount, byteSize);
    map(
        address + offset,
        byteCount,
        PROT_READ | PROT_WRITE,
        flags | MAP_FIXED,
        file.number(),
        fileOffset);
  }

  /** Unmaps; a second call does nothing. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }

  private String describe(long offset, long byteCount) {
    return "address=0x%x, offset=0x%x, byteCount=%d".formatted(address, offset, byteCount);
  }

  private static long alignUp(long value, long alignment) {
    return (value + alignment - 1) & -alignment;
  }

  private static long map(
      long address, long byteSize, int protection, int flags, int fd, long fileOffset) {
    MemorySegment state = Native.state();
    long result;
    try {
      result = (long) MMAP.invokeExact(state, address, byteSize, protection, flags, fd, fileOffset);
    } catch (Throwable t) {
      throw Native.mismatch("mmap", t);
    }
    return Failures.check(
        "mmap",
        result,
        state,
        () ->
            "byteSize=%d, prot=%d, flags=0x%x, fd=%d, fileOffset=%d"
                .formatted(byteSize, protection, flags, fd, fileOffset));
  }

  private static void munmap(long address, long byteSize) {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) MUNMAP.invokeExact(state, address, byteSize);
    } catch (Throwable t) {
      throw Native.mismatch("munmap", t);
    }
    Failures.check(
        "munmap", result, state, () -> "address=0x%x, byteSize=%d".formatted(address, byteSize));
  }
}
