package dev.torpor.vmm.boot;

import dev.torpor.vmm.memory.GuestMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * A file that goes into guest memory. It is read, never mapped: a mapped file that shrinks would
 * kill the JVM. Every failure is a {@link BootException} that names the file.
 */
final class BootFile implements AutoCloseable {
  private static final long COPY_BYTES = 1 << 20;

  private final String role;
  private final Path path;
  private final FileChannel channel;
  private final long byteSize;

  /**
   * Opens a regular file.
   *
   * @param role what it is to the guest, for messages: {@code kernel}, {@code initrd}
   */
  BootFile(String role, Path path) {
    this.role = role;
    this.path = path;
    try {
      if (Files.exists(path) && !Files.isRegularFile(path)) {
        throw new BootException(this + " is not a regular file");
      }
      byteSize = Files.size(path);
      channel = FileChannel.open(path);
    } catch (IOException e) {
      throw failure(e);
    }
  }

  Path path() {
    return path;
  }

  long byteSize() {
    return byteSize;
  }

  /** Whether a range lies in the file. Both arguments are hostile, and unsigned. */
  boolean contains(long offset, long byteCount) {
    return offset >= 0 && byteCount >= 0 && offset <= byteSize && byteCount <= byteSize - offset;
  }

  /** Reads a range, or as much of it as the file has. */
  MemorySegment read(long offset, int byteCount) {
    int available = Math.clamp(byteSize - offset, 0, byteCount);
    ByteBuffer buffer = ByteBuffer.allocate(available);
    readFully(offset, buffer);
    return MemorySegment.ofBuffer(buffer.flip());
  }

  /** Copies a range of the file, which it must contain, to a range of guest memory. */
  void copyTo(GuestMemory memory, long gpa, long offset, long byteCount) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment chunk = arena.allocate(Math.min(byteCount, COPY_BYTES));
      for (long copied = 0; copied < byteCount; copied += COPY_BYTES) {
        MemorySegment part = chunk.asSlice(0, Math.min(byteCount - copied, COPY_BYTES));
        readFully(offset + copied, part.asByteBuffer());
        memory.write(gpa + copied, part);
      }
    }
  }

  /** Fills the buffer from the file. */
  private void readFully(long offset, ByteBuffer buffer) {
    try {
      while (buffer.hasRemaining()) {
        if (channel.read(buffer, offset + buffer.position()) < 0) {
          throw new BootException(this + " became shorter while it was read");
        }
      }
    } catch (IOException e) {
      throw failure(e);
    }
  }

  private BootException failure(IOException e) {
    String reason =
        switch (e) {
          case NoSuchFileException _ -> "no such file";
          case AccessDeniedException _ -> "permission denied";
          default -> e.toString();
        };
    return new BootException("cannot read " + this + ": " + reason);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw failure(e);
    }
  }

  @Override
  public String toString() {
    return role + " " + path;
  }
}
