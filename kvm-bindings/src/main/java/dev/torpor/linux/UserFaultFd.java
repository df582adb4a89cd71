package dev.torpor.linux;

import static dev.torpor.linux.abi.Abi.offset;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_API;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_API_ARG;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_CONTINUE;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_COPY;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_MOVE;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_POISON;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_REGISTER;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_UNREGISTER;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_WAKE;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_WRITEPROTECT;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFDIO_ZEROPAGE;
import static dev.torpor.linux.abi.UserfaultfdStructs.UFFD_MSG;
import static dev.torpor.linux.abi.UserfaultfdStructs.USERFAULTFD_IOC_NEW;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.torpor.linux.abi.Ioctl;
import dev.torpor.linux.abi.IoctlRequest;
import dev.torpor.linux.abi.Native;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/**
 * Page faults of this process, answered by this process (Linux: {@code
 * Documentation/admin-guide/mm/userfaultfd.rst}).
 *
 * <p>A thread that touches a page which only this object can supply stops until it is supplied. A
 * Java thread that does so from Java code stops every safepoint with it: such pages are for guests
 * and for system calls only.
 *
 * <p>Supplying pages is safe from every thread. Addresses are HVAs; addresses and lengths are
 * multiples of the page size.
 */
public final class UserFaultFd implements AutoCloseable {
  /** Write-protection of anonymous memory. */
  public static final long FEATURE_PAGEFAULT_FLAG_WP = 1L;

  /** Messages tell of ranges that were dropped with madvise. */
  public static final long FEATURE_EVENT_REMOVE = 1L << 3;

  /** Missing pages of hugetlbfs. */
  public static final long FEATURE_MISSING_HUGETLBFS = 1L << 4;

  /** Missing pages of shared memory and memfd. */
  public static final long FEATURE_MISSING_SHMEM = 1L << 5;

  /** Messages tell the faulting thread. */
  public static final long FEATURE_THREAD_ID = 1L << 8;

  /** Minor faults of hugetlbfs. */
  public static final long FEATURE_MINOR_HUGETLBFS = 1L << 9;

  /** Minor faults of shared memory and memfd. */
  public static final long FEATURE_MINOR_SHMEM = 1L << 10;

  /** Messages tell the address itself, not its page's. */
  public static final long FEATURE_EXACT_ADDRESS = 1L << 11;

  /** Write-protection of shared memory and hugetlbfs. */
  public static final long FEATURE_WP_HUGETLBFS_SHMEM = 1L << 12;

  /** Write-protection also of pages that are not there yet. */
  public static final long FEATURE_WP_UNPOPULATED = 1L << 13;

  /** {@link #poison}, since Linux 6.6. */
  public static final long FEATURE_POISON = 1L << 14;

  /** Write-protection that resolves itself and is read back by {@link PageMap}, since Linux 6.7. */
  public static final long FEATURE_WP_ASYNC = 1L << 15;

  /** {@link #move}, since Linux 6.8. */
  public static final long FEATURE_MOVE = 1L << 16;

  /** Register: faults of pages that are not there. */
  public static final long MODE_MISSING = 1;

  /** Register: faults of writes to protected pages. */
  public static final long MODE_WP = 2;

  /** Register: faults of pages that are in the page cache but not mapped. */
  public static final long MODE_MINOR = 4;

  /** The supplied page is protected against writes at once; for {@link #copy}. */
  public static final long COPY_WP = 2;

  /** Nobody is woken: {@link #wake} follows; for copy, zero-page and continue. */
  public static final long DONT_WAKE = 1;

  /** A message: a page fault. */
  public static final int EVENT_PAGEFAULT = 0x12;

  /** A message: a range was dropped with madvise. */
  public static final int EVENT_REMOVE = 0x15;

  /** Of a page fault: it was a write. */
  public static final long FLAG_WRITE = 1;

  /** Of a page fault: it was a write to a protected page. */
  public static final long FLAG_WP = 2;

  /** Of a page fault: the page is in the page cache. */
  public static final long FLAG_MINOR = 4;

  private static final int O_CLOEXEC = 0x80000;
  private static final int O_NONBLOCK = 0x800;
  private static final int SYS_USERFAULTFD = 323;
  private static final long API = 0xaa;

  private static final MethodHandle SYSCALL =
      Native.linkVariadic("syscall", JAVA_LONG, 1, JAVA_LONG, JAVA_INT);
  private static final MethodHandle READ =
      Native.link("read", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle BARE_READ =
      Native.linkBare("read", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG);

  private final FileDescriptor descriptor;
  private final long features;

  UserFaultFd(FileDescriptor descriptor, long features) {
    this.descriptor = descriptor;
    this.features = features;
  }

  /**
   * Opens a userfaultfd, through {@code /dev/userfaultfd} where that may be opened, else by the
   * system call, and agrees on features.
   *
   * @param requiredFeatures {@code FEATURE_} bits
   * @return the open userfaultfd, which never blocks a reader
   * @throws LinuxException EINVAL if a feature is missing; EPERM or ENOSYS if none may be opened
   */
  public static UserFaultFd open(long requiredFeatures) {
    FileDescriptor descriptor = openDevice();
    try {
      MemorySegment argument = Native.scratch(UFFDIO_API_ARG);
      argument.set(JAVA_LONG, offset(UFFDIO_API_ARG, "api"), API);
      argument.set(JAVA_LONG, offset(UFFDIO_API_ARG, "features"), requiredFeatures);
      int result = Ioctl.invoke(descriptor.number(), UFFDIO_API, argument.address());
      Failures.checkNegative(
          "UFFDIO_API", result, () -> "features=0x%x".formatted(requiredFeatures));
      return new UserFaultFd(
          descriptor, argument.get(JAVA_LONG, offset(UFFDIO_API_ARG, "features")));
    } catch (LinuxException e) {
      descriptor.close();
      throw e;
    }
  }

  /**
   * The features that this kernel knows.
   *
   * @return {@code FEATURE_} bits
   * @throws LinuxException EPERM or ENOSYS if no userfaultfd may be opened
   */
  public static long supportedFeatures() {
    try (UserFaultFd probe = open(0)) {
      return probe.features;
    }
  }

  private static FileDescriptor openDevice() {
    try (LinuxFile device = LinuxFile.open(Path.of("/dev/userfaultfd"), LinuxFile.O_RDWR)) {
      int result =
          Ioctl.invoke(device.descriptor().number(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
      Failures.checkNegative("USERFAULTFD_IOC_NEW", result, () -> "/dev/userfaultfd");
      return FileDescriptor.owning(result);
    } catch (LinuxException deviceUnusable) {
      return openBySystemCall();
    }
  }

  private static FileDescriptor openBySystemCall() {
    MemorySegment state = Native.state();
    long result;
    try {
      result = (long) SYSCALL.invokeExact(state, (long) SYS_USERFAULTFD, O_CLOEXEC | O_NONBLOCK);
    } catch (Throwable t) {
      throw Native.mismatch("syscall", t);
    }
    Failures.check(
        "userfaultfd",
        result,
        state,
        () -> "no /dev/userfaultfd either; see vm.unprivileged_userfaultfd");
    return FileDescriptor.owning((int) result);
  }

  /**
   * The descriptor, readable when a fault waits.
   *
   * @return the descriptor, owned by this object
   */
  public FileDescriptor descriptor() {
    return descriptor;
  }

  /**
   * The features that the kernel knows.
   *
   * @return {@code FEATURE_} bits, at least the required ones
   */
  public long features() {
    return features;
  }

  /**
   * Takes over the faults of a range.
   *
   * @param address the range's first HVA
   * @param byteCount its length
   * @param mode {@code MODE_} bits
   * @throws LinuxException EINVAL for a kind of mapping that cannot be; EBUSY if another has it
   */
  public void register(long address, long byteCount, long mode) {
    call(UFFDIO_REGISTER, address, byteCount, mode);
  }

  /**
   * Gives the faults of a range back to the kernel, and wakes those who wait.
   *
   * @param address the range's first HVA
   * @param byteCount its length
   * @throws LinuxException EINVAL, EBADF
   */
  public void unregister(long address, long byteCount) {
    call(UFFDIO_UNREGISTER, address, byteCount, 0);
  }

  /**
   * Wakes those who wait for a range.
   *
   * @param address the range's first HVA
   * @param byteCount its length
   * @throws LinuxException EINVAL, EBADF
   */
  public void wake(long address, long byteCount) {
    call(UFFDIO_WAKE, address, byteCount, 0);
  }

  /**
   * Protects a range against writes, or ends its protection and wakes those who wait.
   *
   * @param address the range's first HVA
   * @param byteCount its length
   * @param protect whether to protect
   * @throws LinuxException ENOENT if not registered for it; EAGAIN if the mapping is changing
   */
  public void writeProtect(long address, long byteCount, boolean protect) {
    call(UFFDIO_WRITEPROTECT, address, byteCount, protect ? 1 : 0);
  }

  /** Range requests of one shape: start, length, then a mode where there is one. */
  private void call(IoctlRequest request, long address, long byteCount, long mode) {
    MemorySegment argument = Native.scratch();
    argument.set(JAVA_LONG, 0, address);
    argument.set(JAVA_LONG, Long.BYTES, byteCount);
    argument.set(JAVA_LONG, 2 * Long.BYTES, mode);
    int result = Ioctl.invokeHot(descriptor.number(), request, argument.address());
    if (result < 0) {
      throw failure(request, result, address, byteCount, mode);
    }
  }

  /**
   * Supplies missing pages with a copy of memory.
   *
   * @param address the first HVA to supply
   * @param source the HVA of the contents
   * @param byteCount how much
   * @param mode 0, {@link #DONT_WAKE}, {@link #COPY_WP}
   * @return how many bytes were supplied, or {@code -EAGAIN} if the mapping is changing and nothing
   *     was supplied, or {@code -EEXIST} if the first page is there already
   * @throws LinuxException ENOENT, ESRCH, EFAULT, ENOMEM, EBADF
   */
  public long copy(long address, long source, long byteCount, long mode) {
    return transfer(UFFDIO_COPY, address, source, byteCount, mode);
  }

  /**
   * Supplies missing pages by moving them from elsewhere in this process, since Linux 6.8.
   *
   * @param address the first HVA to supply
   * @param source the HVA of the pages to move, of private anonymous memory
   * @param byteCount how much
   * @param mode 0 or {@link #DONT_WAKE}
   * @return as {@link #copy}
   * @throws LinuxException ENOENT, EBUSY, EINVAL, EBADF; ENOTTY or EINVAL on an older kernel
   */
  public long move(long address, long source, long byteCount, long mode) {
    return transfer(UFFDIO_MOVE, address, source, byteCount, mode);
  }

  /** The last field of {@code uffdio_copy} and {@code uffdio_move} is what was done. */
  private long transfer(
      IoctlRequest request, long address, long source, long byteCount, long mode) {
    MemorySegment argument = Native.scratch();
    argument.set(JAVA_LONG, 0, address);
    argument.set(JAVA_LONG, 8, source);
    argument.set(JAVA_LONG, 16, byteCount);
    argument.set(JAVA_LONG, 24, mode);
    argument.set(JAVA_LONG, 32, 0);
    int result = Ioctl.invokeBare(descriptor.number(), request.code(), argument.address());
    return outcome(request, result, argument, 32, byteCount);
  }

  /**
   * Supplies missing pages with zeroes.
   *
   * @param address the first HVA to supply
   * @param byteCount how much
   * @param mode 0 or {@link #DONT_WAKE}
   * @return as {@link #copy}
   * @throws LinuxException ENOENT, ESRCH, ENOMEM, EBADF
   */
  public long zeroPage(long address, long byteCount, long mode) {
    return supply(UFFDIO_ZEROPAGE, address, byteCount, mode);
  }

  /**
   * Maps pages that are in the page cache already; the answer to a minor fault.
   *
   * @param address the first HVA to map
   * @param byteCount how much
   * @param mode 0 or {@link #DONT_WAKE}
   * @return as {@link #copy}
   * @throws LinuxException ENOENT, ESRCH, EFAULT, EBADF
   */
  public long continueMinor(long address, long byteCount, long mode) {
    return supply(UFFDIO_CONTINUE, address, byteCount, mode);
  }

  /**
   * Makes missing pages answer every access with SIGBUS, since Linux 6.6.
   *
   * @param address the first HVA
   * @param byteCount how much
   * @return as {@link #copy}
   * @throws LinuxException ENOENT, ESRCH, EBADF; ENOTTY or EINVAL on an older kernel
   */
  public long poison(long address, long byteCount) {
    return supply(UFFDIO_POISON, address, byteCount, 0);
  }

  /** As the others, without a source. */
  private long supply(IoctlRequest request, long address, long byteCount, long mode) {
    MemorySegment argument = Native.scratch();
    argument.set(JAVA_LONG, 0, address);
    argument.set(JAVA_LONG, 8, byteCount);
    argument.set(JAVA_LONG, 16, mode);
    argument.set(JAVA_LONG, 24, 0);
    int result = Ioctl.invokeBare(descriptor.number(), request.code(), argument.address());
    return outcome(request, result, argument, 24, byteCount);
  }

  /**
   * The kernel says in the argument's last field what was done, or why nothing was; it tells
   * partial work by EAGAIN and a positive count there. What it refuses before it begins leaves the
   * field as it was, and is asked for again to learn why.
   */
  private long outcome(
      IoctlRequest request, int first, MemorySegment argument, long field, long byteCount) {
    int result = first;
    long done = argument.get(JAVA_LONG, field);
    if (result < 0 && done == 0) {
      result = Ioctl.invoke(descriptor.number(), request, argument.address());
      done = argument.get(JAVA_LONG, field);
    }
    if (result >= 0 || done > 0) {
      return done;
    }
    int error = (int) (done < 0 ? done : result);
    if (error == -Errno.EAGAIN || error == -Errno.EEXIST) {
      return error;
    }
    long mode = argument.get(JAVA_LONG, field - Long.BYTES);
    throw failure(request, error, argument.get(JAVA_LONG, 0), byteCount, mode);
  }

  private static LinuxException failure(
      IoctlRequest request, int result, long address, long byteCount, long mode) {
    return new LinuxException(
        request.name(),
        -result,
        "address=0x%x, byteCount=%d, mode=%d".formatted(address, byteCount, mode));
  }

  @Override
  public void close() {
    descriptor.close();
  }

  /** A reader's buffer of messages; each reading thread has its own. */
  public static final class Messages {
    /** How many messages one read returns at most. */
    public static final int CAPACITY = 64;

    private static final long MESSAGE_BYTES = UFFD_MSG.byteSize();
    private static final long FLAGS = offset(UFFD_MSG, "arg", "pagefault", "flags");
    private static final long ADDRESS = offset(UFFD_MSG, "arg", "pagefault", "address");
    private static final long REMOVE_START = offset(UFFD_MSG, "arg", "remove", "start");
    private static final long REMOVE_END = offset(UFFD_MSG, "arg", "remove", "end");

    private final MemorySegment buffer = Arena.ofAuto().allocate(UFFD_MSG, CAPACITY);

    /** Makes room for 64 messages. */
    public Messages() {}

    /**
     * Reads what waits, without blocking. Allocates nothing where something waits.
     *
     * @param source the userfaultfd
     * @return how many messages were read; 0 if none waited
     * @throws LinuxException EBADF
     */
    public int read(UserFaultFd source) {
      long result;
      try {
        result =
            (long)
                BARE_READ.invokeExact(
                    source.descriptor.number(), buffer.address(), buffer.byteSize());
      } catch (Throwable t) {
        throw Native.mismatch("read", t);
      }
      return result >= 0 ? (int) (result / MESSAGE_BYTES) : readAgain(source);
    }

    private int readAgain(UserFaultFd source) {
      MemorySegment state = Native.state();
      long result;
      try {
        result =
            (long)
                READ.invokeExact(
                    state, source.descriptor.number(), buffer.address(), buffer.byteSize());
      } catch (Throwable t) {
        throw Native.mismatch("read", t);
      }
      long outcome = Native.resultOrErrno(result, state);
      if (outcome == -Errno.EAGAIN || outcome == -Errno.EINTR) {
        return 0;
      }
      if (outcome < 0) {
        throw new LinuxException(
            "read of a userfaultfd", (int) -outcome, source.descriptor.toString());
      }
      return (int) (result / MESSAGE_BYTES);
    }

    /**
     * The kind of a message.
     *
     * @param index which of those read last
     * @return an {@code EVENT_} number
     */
    public int event(int index) {
      return Byte.toUnsignedInt(buffer.get(JAVA_BYTE, at(index)));
    }

    /**
     * The flags of a page fault.
     *
     * @param index which of those read last
     * @return {@code FLAG_} bits
     */
    public long faultFlags(int index) {
      return buffer.get(JAVA_LONG, at(index) + FLAGS);
    }

    /**
     * The address of a page fault.
     *
     * @param index which of those read last
     * @return the HVA, of the page or exact as the features say
     */
    public long faultAddress(int index) {
      return buffer.get(JAVA_LONG, at(index) + ADDRESS);
    }

    /**
     * Where a dropped range begins.
     *
     * @param index which of those read last
     * @return the HVA of its first byte
     */
    public long removedStart(int index) {
      return buffer.get(JAVA_LONG, at(index) + REMOVE_START);
    }

    /**
     * Where a dropped range ends.
     *
     * @param index which of those read last
     * @return the HVA behind its last byte
     */
    public long removedEnd(int index) {
      return buffer.get(JAVA_LONG, at(index) + REMOVE_END);
    }

    private static long at(int index) {
      return index * MESSAGE_BYTES;
    }
  }
}
