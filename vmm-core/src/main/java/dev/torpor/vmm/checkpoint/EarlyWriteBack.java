package dev.torpor.vmm.checkpoint;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.LinuxFile;
import dev.torpor.snapshot.WriteHints;
import dev.torpor.vmm.thread.Worker;
import java.nio.file.Path;

/**
 * Has the disk begin with a layer while it is still being written, so that little is left to wait
 * for when it must be durable. The blocks of large pieces are allocated before: the page cache then
 * takes them faster than where it has to promise them one by one.
 *
 * <p>The disk is told by a thread of its own, which ends when there is nothing to tell: it may have
 * to wait for the disk, and whoever writes the layer does not.
 */
public final class EarlyWriteBack implements WriteHints {
  /** Less than this at once would make a disk slower. */
  private static final long STEP_BYTES = 1 << 20;

  private static final long LARGE_PIECE_BYTES = 256 << 10;

  private final LinuxFile file;

  // A file system that cannot is asked once.
  private boolean allocates = true;
  private boolean starts = true;

  // What was written since the disk was last told is in this range.
  private long writtenBytes;
  private long from = Long.MAX_VALUE;
  private long end;

  /** Tells the disk; null while nobody does. */
  private Worker teller;

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
    if (allocates && byteCount >= LARGE_PIECE_BYTES) {
      allocates = succeeds(() -> file.preallocate(offset, byteCount));
    }
  }

  @Override
  public synchronized void after(long offset, long byteCount) {
    from = Math.min(from, offset);
    end = Math.max(end, offset + byteCount);
    writtenBytes += byteCount;
    if (teller == null && hasToTell()) {
      try {
        teller = Worker.start("torpor-write-back", this::tellAll);
      } catch (OutOfMemoryError noThreadLeft) {
        starts = false;
      }
    }
  }

  private boolean hasToTell() {
    return starts && writtenBytes >= STEP_BYTES;
  }

  private void tellAll() {
    while (true) {
      long offset;
      long byteCount;
      synchronized (this) {
        if (!hasToTell()) {
          teller = null;
          return;
        }
        offset = from;
        byteCount = end - from;
        from = Long.MAX_VALUE;
        end = 0;
        writtenBytes = 0;
      }
      if (!succeeds(() -> file.startWriteBack(offset, byteCount))) {
        stop();
      }
    }
  }

  private synchronized Worker stop() {
    starts = false;
    return teller;
  }

  /** An error of the disk is told by who waits for it. */
  private static boolean succeeds(Runnable call) {
    try {
      call.run();
      return true;
    } catch (LinuxException e) {
      return false;
    }
  }

  @Override
  public void close() {
    Worker last = stop();
    if (last != null) {
      last.join();
    }
    file.close();
  }
}
