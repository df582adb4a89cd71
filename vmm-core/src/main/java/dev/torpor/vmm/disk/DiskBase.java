package dev.torpor.vmm.disk;

import dev.torpor.snapshot.DiskState;
import dev.torpor.vmm.device.virtio.RawFileBackend;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.concurrent.TimeUnit;

/**
 * The file that a disk's absent blocks are read from, as it was when the disk began. Images over it
 * mean something only while it stays as it is.
 *
 * @param path the file, or a block device
 * @param byteSize its size in bytes
 * @param modifiedNanos when it was last written, in nanoseconds since 1970; 0 for a block device,
 *     whose node does not tell
 */
public record DiskBase(Path path, long byteSize, long modifiedNanos) {
  /**
   * Looks at a base as it is now.
   *
   * @param path a file, or a block device
   * @return what tells it from a changed one
   * @throws dev.torpor.linux.LinuxException ENOENT or EACCES, among others, if it cannot be opened
   * @throws IllegalArgumentException if it is no disk
   * @throws IllegalStateException if a VM writes it
   */
  public static DiskBase of(Path path) {
    try (RawFileBackend file = RawFileBackend.open(path, true)) {
      return new DiskBase(path.toAbsolutePath(), file.byteSize(), modified(path));
    }
  }

  /**
   * The base of a disk that survived its process.
   *
   * @param state what is kept of the disk
   * @return its base as it was
   */
  public static DiskBase of(DiskState state) {
    return new DiskBase(state.basePath(), state.baseByteSize(), state.baseModifiedNanos());
  }

  /**
   * The same base in another place, for whose content the caller answers.
   *
   * @param other a file, or a block device, of the same size
   * @return the base there
   * @throws IllegalArgumentException if its size is another, or it is no disk
   */
  public DiskBase at(Path other) {
    DiskBase found = of(other);
    if (found.byteSize != byteSize) {
      throw new IllegalArgumentException(
          "base %s has %d bytes, but %s had %d: name an unchanged copy of it"
              .formatted(other, found.byteSize, path, byteSize));
    }
    return found;
  }

  /**
   * Opens it, locked against writers, and makes sure that it is what it was.
   *
   * @return the open base, which the caller closes
   * @throws IllegalStateException if it was changed, or a VM writes it
   */
  public RawFileBackend open() {
    RawFileBackend file = RawFileBackend.open(path, true);
    try {
      DiskBase now = new DiskBase(path, file.byteSize(), modified(path));
      if (!now.equals(this)) {
        throw new IllegalStateException(
            ("base %s was changed: it had %d bytes, last written %s, and has %d, last written %s; "
                    + "bring back the file as it was, or name an unchanged copy of it")
                .formatted(path, byteSize, time(), now.byteSize, now.time()));
      }
      return file;
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private FileTime time() {
    return FileTime.from(modifiedNanos, TimeUnit.NANOSECONDS);
  }

  private static long modified(Path path) {
    try {
      BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
      return attributes.isRegularFile()
          ? attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS)
          : 0;
    } catch (IOException e) {
      throw new UncheckedIOException("looking at base " + path, e);
    }
  }
}
