package dev.torpor.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * An open file, read and written at given offsets straight from and to native memory. Usable from
 * every thread at once: no call uses the file position.
 *
 * <p>Addresses are raw HVAs, because the other end is often guest memory: a page that is missing
 * there is brought in by the kernel while the thread is in its native state.
 */
public final class LinuxFile implements AutoCloseable {
  /** Open for reading. */
  public static final int O_RDONLY = 0;

  /** Open for reading and writing. */
  public static final int O_RDWR = 2;

  /** Create the file if it is missing. */
  public static final int O_CREAT = 0x40;

  /** Fail if the file exists. */
  public static final int O_EXCL = 0x80;

  private static final int O_CLOEXEC = 0x80000;

  /** Keep the file's length when its blocks change. */
  private static final int FALLOC_FL_KEEP_SIZE = 1;

  private static final int FALLOC_FL_PUNCH_HOLE = 2;
  private static final int FALLOC_FL_ZERO_RANGE = 0x10;
  private static final int POSIX_FADV_DONTNEED = 4;
  private static final int SYNC_FILE_RANGE_WRITE = 2;
  private static final int SEEK_DATA = 3;
  private static final int SEEK_HOLE = 4;
  private static final int SEEK_END = 2;
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_HUGETLB = 4;

  private static final MethodHandle OPEN =
      Native.linkVariadic("open", JAVA_INT, 2, JAVA_LONG, JAVA_INT, JAVA_INT);
  private static final MethodHandle PREAD =
      Native.link("pread", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle PWRITE =
      Native.link("pwrite", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);

  /** Calls that are rarer than reads and writes, linked when the first of them is made. */
  private static final class Rare {
    private static final MethodHandle FDATASYNC = Native.link("fdatasync", JAVA_INT, JAVA_INT);
    private static final MethodHandle SYNC_FILE_RANGE =
        Native.link("sync_file_range", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FTRUNCATE =
        Native.link("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
    private static final MethodHandle POSIX_FADVISE =
        Native.link("posix_fadvise", JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FALLOCATE =
        Native.link("fallocate", JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG);
    private static final MethodHandle LSEEK =
        Native.link("lseek", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT);
    private static final MethodHandle FLOCK = Native.link("flock", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle COPY_FILE_RANGE =
        Native.link(
            "copy_file_range",
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            JAVA_INT,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_INT);
    private static final MethodHandle MEMFD_CREATE =
        Native.link("memfd_create", JAVA_INT, JAVA_LONG, JAVA_INT);
  }

  private final FileDescriptor descriptor;

  /**
   * Takes over an open descriptor.
   *
   * @param descriptor the descriptor, closed with this file
   */
  public LinuxFile(FileDescriptor descriptor) {
    this.descriptor = descriptor;
  }

  /**
   * Opens a file.
   *
   * @param path the file's path
   * @param flags {@code O_} flags; close-on-exec is always added
   * @return the open file
   * @throws LinuxException ENOENT, EACCES, EEXIST and whatever else open(2) knows
   */
  public static LinuxFile open(Path path, int flags) {
    MemorySegment state = Native.state();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(path.toString());
      int result;
      try {
        result = (int) OPEN.invokeExact(state, name.address(), flags | O_CLOEXEC, 0644);
      } catch (Throwable t) {
        throw Native.mismatch("open", t);
      }
      Failures.check("open", result, state, () -> "path=" + path + ", flags=0x" + hex(flags));
      return new LinuxFile(FileDescriptor.owning(result));
    }
  }

  /**
   * Creates a file that lives in memory and has no name (memfd_create(2)).
   *
   * @param label shown in {@code /proc/PID/maps}, at most 249 bytes
   * @param byteSize its size, of zeroes
   * @param hugePages whether it takes its pages from the pool of huge pages
   * @return the open file
   * @throws LinuxException EINVAL, ENOMEM, or ENOSPC
   */
  public static LinuxFile inMemory(String label, long byteSize, boolean hugePages) {
    MemorySegment state = Native.state();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom(label);
      int flags = MFD_CLOEXEC | (hugePages ? MFD_HUGETLB : 0);
      int result;
      try {
        result = (int) Rare.MEMFD_CREATE.invokeExact(state, name.address(), flags);
      } catch (Throwable t) {
        throw Native.mismatch("memfd_create", t);
      }
      Failures.check("memfd_create", result, state, () -> "label=" + label + ", flags=" + flags);
      LinuxFile file = new LinuxFile(FileDescriptor.owning(result));
      try {
        file.truncate(byteSize);
        return file;
      } catch (LinuxException e) {
        file.close();
        throw e;
      }
    }
  }

  /**
   * The descriptor, for mappings and for other system calls.
   *
   * @return the descriptor, owned by this file
   */
  public FileDescriptor descriptor() {
    return descriptor;
  }

  /**
   * Reads until {@code byteCount} bytes are there or the file ends.
   *
   * @param address the HVA to fill
   * @param byteCount how many bytes
   * @param offset where in the file, in bytes
   * @return how many bytes were read, less than asked only at the file's end
   * @throws LinuxException EIO, EBADF, EFAULT, EINVAL
   */
  public long read(long address, long byteCount, long offset) {
    long done = 0;
    while (done < byteCount) {
      MemorySegment state = Native.state();
      long result;
      try {
        result =
            (long)
                PREAD.invokeExact(
                    state, descriptor.number(), address + done, byteCount - done, offset + done);
      } catch (Throwable t) {
        throw Native.mismatch("pread", t);
      }
      if (result == 0) {
        break;
      }
      done += progress("pread", result, state, byteCount - done, offset + done);
    }
    return done;
  }

  /**
   * Writes all of {@code byteCount} bytes.
   *
   * @param address the HVA to read from
   * @param byteCount how many bytes
   * @param offset where in the file, in bytes
   * @throws LinuxException EIO, ENOSPC, EBADF, EFAULT; part of the bytes may then be written
   */
  public void write(long address, long byteCount, long offset) {
    long done = 0;
    while (done < byteCount) {
      MemorySegment state = Native.state();
      long result;
      try {
        result =
            (long)
                PWRITE.invokeExact(
                    state, descriptor.number(), address + done, byteCount - done, offset + done);
      } catch (Throwable t) {
        throw Native.mismatch("pwrite", t);
      }
      done += progress("pwrite", result, state, byteCount - done, offset + done);
    }
  }

  /** What a transfer achieved: nothing where a signal interrupted it, so that it is tried again. */
  private long progress(
      String call, long result, MemorySegment state, long byteCount, long offset) {
    if (result != -1) {
      return result;
    }
    if (Native.resultOrErrno(result, state) == -Errno.EINTR) {
      return 0;
    }
    return Failures.check(
        call, result, state, () -> descriptor + ", byteCount=" + byteCount + ", offset=" + offset);
  }

  /**
   * Makes what was written durable (fdatasync(2)).
   *
   * @throws LinuxException EIO if it could not be; what was written may then be lost
   */
  public void sync() {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) Rare.FDATASYNC.invokeExact(state, descriptor.number());
    } catch (Throwable t) {
      throw Native.mismatch("fdatasync", t);
    }
    Failures.check("fdatasync", result, state, descriptor::toString);
  }

  /**
   * Begins to carry what was written to the disk, and does not wait until it is there
   * (sync_file_range(2)): {@link #sync} then has less to wait for. May wait while the disk's queue
   * is full.
   *
   * @param offset where in the file, in bytes
   * @param byteCount how many bytes, not negative
   * @throws LinuxException EINVAL, or EIO and ENOSPC where the disk takes nothing
   */
  public void startWriteBack(long offset, long byteCount) {
    MemorySegment state = Native.state();
    int result;
    try {
      result =
          (int)
              Rare.SYNC_FILE_RANGE.invokeExact(
                  state, descriptor.number(), offset, byteCount, SYNC_FILE_RANGE_WRITE);
    } catch (Throwable t) {
      throw Native.mismatch("sync_file_range", t);
    }
    Failures.check(
        "sync_file_range",
        result,
        state,
        () -> descriptor + ", offset=" + offset + ", byteCount=" + byteCount);
  }

  /**
   * Has the kernel forget what of the file is in its page cache, but for what is not durable yet or
   * mapped (posix_fadvise(2)): the next reads come from the disk.
   *
   * @throws LinuxException EBADF, or ESPIPE for a pipe
   */
  public void dropFromPageCache() {
    MemorySegment state = Native.state();
    int error;
    try {
      error =
          (int)
              Rare.POSIX_FADVISE.invokeExact(
                  state, descriptor.number(), 0L, 0L, POSIX_FADV_DONTNEED);
    } catch (Throwable t) {
      throw Native.mismatch("posix_fadvise", t);
    }
    // Unlike others, it returns its error.
    Failures.checkNegative("posix_fadvise", -error, descriptor::toString);
  }

  /**
   * Sets the file's length; what is added reads as zero.
   *
   * @param byteSize the new length in bytes
   * @throws LinuxException EINVAL, EFBIG, EBADF
   */
  public void truncate(long byteSize) {
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) Rare.FTRUNCATE.invokeExact(state, descriptor.number(), byteSize);
    } catch (Throwable t) {
      throw Native.mismatch("ftruncate", t);
    }
    Failures.check("ftruncate", result, state, () -> descriptor + ", byteSize=" + byteSize);
  }

  /**
   * Frees the blocks of a range, which then reads as zero.
   *
   * @param offset where in the file, in bytes
   * @param byteCount how many bytes
   * @throws LinuxException EOPNOTSUPP where the file system cannot
   */
  public void punchHole(long offset, long byteCount) {
    allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byteCount);
  }

  /**
   * Makes a range read as zero, its blocks kept.
   *
   * @param offset where in the file, in bytes
   * @param byteCount how many bytes
   * @throws LinuxException EOPNOTSUPP where the file system cannot
   */
  public void zeroRange(long offset, long byteCount) {
    allocate(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, byteCount);
  }

  /**
   * Gives a range its blocks before it is written. Its bytes and the file's length stay as they
   * are.
   *
   * @param offset where in the file, in bytes
   * @param byteCount how many bytes
   * @throws LinuxException EOPNOTSUPP where the file system cannot, ENOSPC
   */
  public void preallocate(long offset, long byteCount) {
    allocate(FALLOC_FL_KEEP_SIZE, offset, byteCount);
  }

  private void allocate(int mode, long offset, long byteCount) {
    MemorySegment state = Native.state();
    int result;
    try {
      result =
          (int) Rare.FALLOCATE.invokeExact(state, descriptor.number(), mode, offset, byteCount);
    } catch (Throwable t) {
      throw Native.mismatch("fallocate", t);
    }
    Failures.check(
        "fallocate",
        result,
        state,
        () ->
            "%s, mode=0x%x, offset=%d, byteCount=%d"
                .formatted(descriptor, mode, offset, byteCount));
  }

  /**
   * The file's length, of a block device too.
   *
   * @return the length in bytes
   * @throws LinuxException EBADF, or ESPIPE where the file has no length
   */
  public long byteSize() {
    return seek(0, SEEK_END);
  }

  /**
   * Finds the next data at or after an offset.
   *
   * @param offset where to begin, in bytes
   * @return where data begin; -1 if only holes follow
   * @throws LinuxException EBADF
   */
  public long nextData(long offset) {
    try {
      return seek(offset, SEEK_DATA);
    } catch (LinuxException e) {
      if (e.errno() == Errno.ENXIO) {
        return -1;
      }
      throw e;
    }
  }

  /**
   * Finds the next hole at or after an offset; the file's end counts as one.
   *
   * @param offset where to begin, in bytes, before the file's end
   * @return where the hole begins
   * @throws LinuxException EBADF, or ENXIO past the end
   */
  public long nextHole(long offset) {
    return seek(offset, SEEK_HOLE);
  }

  private long seek(long offset, int whence) {
    MemorySegment state = Native.state();
    long result;
    try {
      result = (long) Rare.LSEEK.invokeExact(state, descriptor.number(), offset, whence);
    } catch (Throwable t) {
      throw Native.mismatch("lseek", t);
    }
    return Failures.check(
        "lseek", result, state, () -> descriptor + ", offset=" + offset + ", whence=" + whence);
  }

  /**
   * Locks the file against other processes, without waiting (flock(2)). The lock ends when the file
   * is closed.
   *
   * @param exclusive whether nobody else may hold a lock; else others may share it
   * @return whether the lock was got
   * @throws LinuxException EBADF, ENOLCK
   */
  public boolean tryLock(boolean exclusive) {
    int operation = (exclusive ? 2 : 1) | 4;
    MemorySegment state = Native.state();
    int result;
    try {
      result = (int) Rare.FLOCK.invokeExact(state, descriptor.number(), operation);
    } catch (Throwable t) {
      throw Native.mismatch("flock", t);
    }
    if (Native.resultOrErrno(result, state) == -Errno.EAGAIN) {
      return false;
    }
    Failures.check("flock", result, state, descriptor::toString);
    return true;
  }

  /**
   * Copies a range to another file inside the kernel, which shares the blocks where it can.
   *
   * @param offset where in this file, in bytes
   * @param target the file to write
   * @param targetOffset where in the target, in bytes
   * @param byteCount how many bytes
   * @return how many bytes were copied, less than asked only at this file's end
   * @throws LinuxException EXDEV, EIO, ENOSPC, EBADF; part may then be copied
   */
  public long copyRange(long offset, LinuxFile target, long targetOffset, long byteCount) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment offsets = arena.allocateFrom(JAVA_LONG, offset, targetOffset);
      long from = offsets.address();
      long done = 0;
      while (done < byteCount) {
        MemorySegment state = Native.state();
        long result;
        try {
          result =
              (long)
                  Rare.COPY_FILE_RANGE.invokeExact(
                      state,
                      descriptor.number(),
                      from,
                      target.descriptor.number(),
                      from + Long.BYTES,
                      byteCount - done,
                      0);
        } catch (Throwable t) {
          throw Native.mismatch("copy_file_range", t);
        }
        if (result == 0) {
          break;
        }
        done += progress("copy_file_range", result, state, byteCount - done, offset + done);
      }
      return done;
    }
  }

  @Override
  public void close() {
    descriptor.close();
  }

  private static String hex(int value) {
    return Integer.toHexString(value);
  }
}
