package dev.torpor.benchmarks.peer;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Looks into a guest's memory through the process that runs it, so that the monitor can have its
 * memory as it has it by default. One thread at a time.
 */
final class GuestRam implements AutoCloseable {
  /** A line of /proc/PID/maps (proc(5)). */
  private static final Pattern PRIVATE =
      Pattern.compile("(\\p{XDigit}{1,16})-(\\p{XDigit}{1,16}) rw.p .*");

  private final FileChannel memory;
  private final long hva;
  private final ByteBuffer word = ByteBuffer.allocateDirect(Long.BYTES);

  private GuestRam(FileChannel memory, long hva) {
    this.memory = memory;
    this.hva = hva;
    word.order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Opens the memory of a child process.
   *
   * @param byteSize of the guest's memory, which is the only mapping of that size
   */
  static GuestRam of(long pid, long byteSize) throws IOException {
    Path process = Path.of("/proc", Long.toString(pid));
    long hva = onlyMapping(Files.readAllLines(process.resolve("maps")), byteSize);
    return new GuestRam(FileChannel.open(process.resolve("mem"), StandardOpenOption.READ), hva);
  }

  /** The beginning of the private, writable mapping of just that size. */
  static long onlyMapping(List<String> maps, long byteSize) throws IOException {
    List<Long> found = new ArrayList<>();
    for (String line : maps) {
      Matcher mapping = PRIVATE.matcher(line);
      if (mapping.matches()) {
        long start = Long.parseUnsignedLong(mapping.group(1), 16);
        if (Long.parseUnsignedLong(mapping.group(2), 16) - start == byteSize) {
          found.add(start);
        }
      }
    }
    if (found.size() != 1) {
      throw new IOException(
          "%d mappings of %d bytes in the monitor's process: cannot tell the guest's memory"
              .formatted(found.size(), byteSize));
    }
    return found.getFirst();
  }

  long read(long gpa) {
    word.clear();
    try {
      if (memory.read(word, hva + gpa) != Long.BYTES) {
        throw new IOException("the monitor has ended");
      }
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the guest's memory at %#x".formatted(gpa), e);
    }
    return word.getLong(0);
  }

  @Override
  public void close() throws IOException {
    memory.close();
  }
}
