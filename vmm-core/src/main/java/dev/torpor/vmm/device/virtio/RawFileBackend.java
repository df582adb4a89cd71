package dev.torpor.vmm.device.virtio;

import dev.torpor.linux.Errno;
import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A disk that is a file, or a block device of the host, byte for byte.
 *
 * <p>The file is locked while it is open (flock(2)), alone for a writable disk, together with other
 * readers for a read-only one: two VMs that write one disk would destroy it.
 */
public final class RawFileBackend implements BlockBackend {
  private static final int SECTOR_BYTES = 512;
  private static final int FILE_TYPE_MASK = 0xf000;
  private static final int REGULAR_FILE = 0x8000;
  private static final int BLOCK_DEVICE = 0x6000;

  /** Zeroes to write, where the file system has no better way. */
  private static final class Zeroes {
    static final MemorySegment BYTES = Arena.global().allocate(256 << 10, 4096);
  }

  private final Path path;
  private final LinuxFile file;
  private final boolean readOnly;
  private final long byteSize;

  private RawFileBackend(Path path, LinuxFile file, boolean readOnly, long byteSize) {
    this.path = path;
    this.file = file;
    this.readOnly = readOnly;
    this.byteSize = byteSize;
  }

  /**
   * Opens and locks a disk.
   *
   * @param path a file, or a block device
   * @param readOnly whether it will only be read
   * @return the open disk
   * @throws LinuxException ENOENT or EACCES, among others, if it cannot be opened
   * @throws IllegalArgumentException if it is neither a file nor a block device, or its size is not
   *     a positive multiple of 512 bytes
   * @throws IllegalStateException if somebody else has locked it
   */
  public static RawFileBackend open(Path path, boolean readOnly) {
    if (Files.exists(path)) {
      requireFileOrBlockDevice(path);
    }
    LinuxFile file = LinuxFile.open(path, readOnly ? LinuxFile.O_RDONLY : LinuxFile.O_RDWR);
    try {
      lock(path, file, readOnly);
      long byteSize = file.byteSize();
      if (byteSize == 0 || byteSize % SECTOR_BYTES != 0) {
        throw new IllegalArgumentException(
            "disk %s has %d bytes: must be a positive multiple of %d"
                .formatted(path, byteSize, SECTOR_BYTES));
      }
      return new RawFileBackend(path, file, readOnly, byteSize);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /** Before it is opened: opening a FIFO would wait for its other end. */
  private static void requireFileOrBlockDevice(Path path) {
    int type;
    try {
      type = (int) Files.getAttribute(path, "unix:mode") & FILE_TYPE_MASK;
    } catch (IOException e) {
      throw new UncheckedIOException("looking at disk " + path, e);
    }
    if (type != REGULAR_FILE && type != BLOCK_DEVICE) {
      throw new IllegalArgumentException("disk " + path + " is not a file or a block device");
    }
  }

  private static void lock(Path path, LinuxFile file, boolean readOnly) {
    if (!file.tryLock(!readOnly)) {
      throw new IllegalStateException(
          readOnly
              ? "disk " + path + " is in use by another VM, which writes it"
              : "disk "
                  + path
                  + " is in use by another VM; to share it, open it read-only in both");
    }
  }

  @Override
  public long byteSize() {
    return byteSize;
  }

  @Override
  public boolean readOnly() {
    return readOnly;
  }

  @Override
  public void read(long offset, long hva, long byteCount) {
    if (file.read(hva, byteCount, offset) < byteCount) {
      throw new LinuxException(
          "pread", Errno.EIO, "disk " + path + " was cut short below " + (offset + byteCount));
    }
  }

  @Override
  public void write(long offset, long hva, long byteCount) {
    file.write(hva, byteCount, offset);
  }

  @Override
  public void flush() {
    file.sync();
  }

  @Override
  public void discard(long offset, long byteCount) {
    boolean _ = wasSupported(() -> file.punchHole(offset, byteCount));
  }

  @Override
  public void writeZeroes(long offset, long byteCount, boolean mayUnmap) {
    if (mayUnmap && wasSupported(() -> file.punchHole(offset, byteCount))) {
      return;
    }
    if (!wasSupported(() -> file.zeroRange(offset, byteCount))) {
      writeZeroBytes(offset, byteCount);
    }
  }

  private void writeZeroBytes(long offset, long byteCount) {
    MemorySegment zeroes = Zeroes.BYTES;
    for (long done = 0; done < byteCount; done += zeroes.byteSize()) {
      file.write(zeroes.address(), Math.min(zeroes.byteSize(), byteCount - done), offset + done);
    }
  }

  private static boolean wasSupported(Runnable operation) {
    try {
      operation.run();
      return true;
    } catch (LinuxException e) {
      // EINVAL: a block device whose sectors are larger than 512 bytes.
      if (e.errno() == Errno.EOPNOTSUPP || e.errno() == Errno.EINVAL) {
        return false;
      }
      throw e;
    }
  }

  @Override
  public void close() {
    file.close();
  }

  @Override
  public String toString() {
    return "disk " + path;
  }
}
