package dev.torpor.vmm.memory;

import dev.torpor.linux.LinuxFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Touches memory by system calls, as devices do; a page that is missing stops the kernel. */
final class SystemCalls implements AutoCloseable {
  private static final int PAGE = 4096;

  private final LinuxFile file = LinuxFile.inMemory("test", PAGE, false);
  private final Arena arena = Arena.ofShared();
  private final MemorySegment bounce = arena.allocate(PAGE, PAGE);

  /** Reads at most a page; an inaccessible one is EFAULT. */
  byte[] read(long address, int byteCount) {
    file.write(address, byteCount, 0);
    file.read(bounce.address(), byteCount, 0);
    return bounce.asSlice(0, byteCount).toArray(ValueLayout.JAVA_BYTE);
  }

  /** Writes at most a page. */
  void write(long address, byte[] contents) {
    MemorySegment.copy(contents, 0, bounce, ValueLayout.JAVA_BYTE, 0, contents.length);
    file.write(bounce.address(), contents.length, 0);
    file.read(address, contents.length, 0);
  }

  @Override
  public void close() {
    file.close();
    arena.close();
  }
}
