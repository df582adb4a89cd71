package dev.torpor.snapshot;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * What tells that a file is the one it was, and that nobody has written to it since: the kernel
 * sets a file's change time whatever is done to it, and lets nobody choose it.
 */
record FileIdentity(long device, long inode, long byteSize, long modifiedNanos, long changedNanos) {
  private static final int DEVICE = 1;
  private static final int INODE = 2;
  private static final int BYTE_SIZE = 3;
  private static final int MODIFIED_NANOS = 4;
  private static final int CHANGED_NANOS = 5;

  static FileIdentity of(Path path) throws IOException {
    return find(path).orElseThrow(() -> new SnapshotFormatException(path, 0, "a layer", "no file"));
  }

  /** Empty if there is no such file. */
  static Optional<FileIdentity> find(Path path) throws IOException {
    try {
      Map<String, Object> found =
          Files.readAttributes(path, "unix:dev,ino,size,lastModifiedTime,ctime");
      return Optional.of(
          new FileIdentity(
              ((Number) found.get("dev")).longValue(),
              ((Number) found.get("ino")).longValue(),
              ((Number) found.get("size")).longValue(),
              ((FileTime) found.get("lastModifiedTime")).to(TimeUnit.NANOSECONDS),
              ((FileTime) found.get("ctime")).to(TimeUnit.NANOSECONDS)));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  void write(FieldWriter to) {
    to.i64(DEVICE, device)
        .i64(INODE, inode)
        .i64(BYTE_SIZE, byteSize)
        .i64(MODIFIED_NANOS, modifiedNanos)
        .i64(CHANGED_NANOS, changedNanos);
  }

  static FileIdentity read(FieldReader from) {
    return new FileIdentity(
        from.i64(DEVICE),
        from.i64(INODE),
        from.i64(BYTE_SIZE),
        from.i64(MODIFIED_NANOS),
        from.i64(CHANGED_NANOS));
  }
}
