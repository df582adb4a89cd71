package dev.torpor.vmm.checkpoint;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.WriteHints;
import java.nio.file.Path;

/**
 * Has the disk begin with a layer while it is still being written, so that little is left to wait
 * for when it must be durable. The blocks of large pieces are allocated before: the page cache then
 * takes them faster than where it has to promise them one by one. One thread at a time.
 */
public final class EarlyWriteBack implements WriteHints {
  /** Less than this at once would make a disk slower. */
  private static final long STEP_BYTES = 1 << 20;

  private static final long LARGE_PIECE_BYTES = 256 << 10;

  /**
   * Of one layer: so much the queues of disks take without making the caller wait. What a guest
   * continues from is not to wait for a slow disk.
   */
  private static final long MOST_BYTES = 64 << 20;

  private final LinuxFile file;
  private boolean helps = true;
  private long startedBytes;

  // What was written since the last start is in this range.
  private long pendingBytes;
  private long from = Long.MAX_VALUE;
  private long end;

  private EarlyWriteBack(LinuxFile file) {
    this.file = file;
  }

  /**
   * For one layer.
   *
   * @param layer its file
   * @return what is told of its pieces, to be closed by the caller
   */
  public static WriteHints of(Path layer) {
    try {
      return new EarlyWriteBack(LinuxFile.open(layer, LinuxFile.O_RDWR));
    } catch (LinuxException noDescriptorLeft) {
      return NONE;
    }
  }

  @Override
  public void before(long offset, long byteCount) {
    if (helps && byteCount >= LARGE_PIECE_BYTES) {
      attempt(() -> file.preallocate(offset, byteCount));
    }
  }

  @Override
  public void after(long offset, long byteCount) {
    from = Math.min(from, offset);
    end = Math.max(end, offset + byteCount);
    pendingBytes += byteCount;
    if (helps && pendingBytes >= STEP_BYTES && startedBytes < MOST_BYTES) {
      long start = from;
      long length = end - from;
      attempt(() -> file.startWriteBack(start, length));
      startedBytes += pendingBytes;
      pendingBytes = 0;
      from = Long.MAX_VALUE;
      end = 0;
    }
  }

  /** A file system that cannot is asked once; an error of the disk is told by who waits for it. */
  private void attempt(Runnable call) {
    try {
      call.run();
    } catch (LinuxException e) {
      helps = false;
    }
  }

  @Override
  public void close() {
    file.close();
  }
}
