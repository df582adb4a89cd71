package dev.torpor.vmm.boot;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.torpor.vmm.memory.GuestMemory;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A kernel's parameters in guest memory. */
final class CommandLine {
  private CommandLine() {}

  /** Writes the text with a zero behind it. At most {@code maxBytes} go before the zero. */
  static void write(GuestMemory memory, long gpa, String text, long maxBytes) {
    byte[] bytes = text.getBytes(UTF_8);
    if (bytes.length > maxBytes) {
      throw new BootException(
          "the command line has %d bytes, and the kernel takes at most %d: shorten it"
              .formatted(bytes.length, maxBytes));
    }
    if (text.indexOf('\0') >= 0) {
      throw new BootException("the command line contains a zero byte, which would end it");
    }
    memory.write(gpa, MemorySegment.ofArray(Arrays.copyOf(bytes, bytes.length + 1)));
  }
}
