package dev.torpor.snapshot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.OpenOption;
import java.nio.file.Path;

/**
 * A file that is read and written at offsets, by any number of threads. An interrupt closes a
 * {@link FileChannel} for all its users, so this opens it again and goes on; the interrupted thread
 * keeps its flag. {@link #release} closes the channel until the next use.
 */
final class PositionedFile implements AutoCloseable {
  /** A byte buffer cannot be longer than 2 GiB. */
  private static final long LONGEST_TRANSFER = 1L << 30;

  private final Path path;
  private final ChannelLimit limit;
  private final OpenOption[] reopening;
  private volatile FileChannel channel;
  private volatile boolean closed;

  PositionedFile(Path path, ChannelLimit limit, FileChannel channel, OpenOption... reopening) {
    this.path = path;
    this.limit = limit;
    this.channel = channel;
    this.reopening = reopening.clone();
    limit.opened(this);
  }

  /** Opens a file that counts for no limit. */
  static PositionedFile open(Path path, OpenOption... options) throws IOException {
    return new PositionedFile(
        path, new ChannelLimit(Integer.MAX_VALUE), FileChannel.open(path, options), options);
  }

  Path path() {
    return path;
  }

  /** Reads until the buffer is full or the file ends; returns the number of bytes. */
  int read(ByteBuffer into, long offset) {
    boolean interrupted = Thread.interrupted();
    int start = into.position();
    try {
      while (into.hasRemaining()) {
        try {
          if (channel().read(into, offset + into.position() - start) < 0) {
            break;
          }
        } catch (ClosedChannelException e) {
          interrupted |= Thread.interrupted();
        }
      }
      return into.position() - start;
    } catch (IOException e) {
      throw failed("read", offset, e);
    } finally {
      restore(interrupted);
    }
  }

  /** Reads until the segment is full or the file ends; returns the number of bytes. */
  long read(MemorySegment into, long offset) {
    long done = 0;
    while (done < into.byteSize()) {
      long part = Math.min(LONGEST_TRANSFER, into.byteSize() - done);
      int count = read(into.asSlice(done, part).asByteBuffer(), offset + done);
      done += count;
      if (count < part) {
        break;
      }
    }
    return done;
  }

  /** Writes all that remains in the buffer. */
  void write(ByteBuffer from, long offset) {
    boolean interrupted = Thread.interrupted();
    int start = from.position();
    try {
      while (from.hasRemaining()) {
        try {
          channel().write(from, offset + from.position() - start);
        } catch (ClosedChannelException e) {
          // What an interrupted write has written is written again: the same bytes.
          interrupted |= Thread.interrupted();
        }
      }
    } catch (IOException e) {
      throw failed("write", offset, e);
    } finally {
      restore(interrupted);
    }
  }

  /** Writes a whole segment. */
  void write(MemorySegment from, long offset) {
    for (long done = 0; done < from.byteSize(); done += LONGEST_TRANSFER) {
      long part = Math.min(LONGEST_TRANSFER, from.byteSize() - done);
      write(from.asSlice(done, part).asByteBuffer(), offset + done);
    }
  }

  /**
   * Makes all that was written durable.
   *
   * @param metadata also what reads of the file do not need; the names in a directory count as such
   */
  void force(boolean metadata) {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try {
          channel().force(metadata);
          return;
        } catch (ClosedChannelException e) {
          interrupted |= Thread.interrupted();
        }
      }
    } catch (IOException e) {
      throw failed("fsync", 0, e);
    } finally {
      restore(interrupted);
    }
  }

  /** The file's real size at this moment, in bytes. */
  long size() {
    boolean interrupted = Thread.interrupted();
    try {
      while (true) {
        try {
          return channel().size();
        } catch (ClosedChannelException e) {
          interrupted |= Thread.interrupted();
        }
      }
    } catch (IOException e) {
      throw failed("get the size of", 0, e);
    } finally {
      restore(interrupted);
    }
  }

  /** Closes the channel; the next use opens it again. */
  synchronized void release() {
    FileChannel open = channel;
    channel = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        throw failed("close", 0, e);
      }
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    release();
  }

  private FileChannel channel() throws IOException {
    FileChannel open = channel;
    if (open == null || !open.isOpen()) {
      open = reopen();
      limit.opened(this);
    }
    return open;
  }

  private synchronized FileChannel reopen() throws IOException {
    if (closed) {
      throw new IllegalStateException("%s is closed".formatted(path));
    }
    if (channel == null || !channel.isOpen()) {
      channel = FileChannel.open(path, reopening);
    }
    return channel;
  }

  private UncheckedIOException failed(String what, long offset, IOException e) {
    return new UncheckedIOException(
        "cannot %s %s at byte %d: %s".formatted(what, path, offset, e), e);
  }

  private static void restore(boolean interrupted) {
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
