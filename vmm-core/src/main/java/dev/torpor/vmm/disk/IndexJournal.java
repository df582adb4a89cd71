package dev.torpor.vmm.disk;

import dev.torpor.linux.LinuxFile;
import dev.torpor.linux.Mapping;
import dev.torpor.snapshot.OpenLayerIndex;
import dev.torpor.snapshot.SnapshotFormatException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;

/**
 * The index file of an open layer, appended to at each flush. It is a file of its own, so that
 * nothing a guest writes can pass for a record. For one thread at a time.
 */
final class IndexJournal implements AutoCloseable {
  private static final int BUFFER_BYTES = 256 * OpenLayerIndex.RECORD_BYTES;

  private final LinuxFile file;
  private final MemorySegment memory = Arena.ofAuto().allocate(BUFFER_BYTES);
  private final ByteBuffer buffer = memory.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);

  /** Where the next record goes, how many there are, and their batch. */
  private long end;

  private int recordCount;
  private int batch;

  /** The run that the next block may prolong. */
  private long runBlock;

  private long runSlot;
  private int runCount;
  private boolean runZero;

  private IndexJournal(LinuxFile file, OpenLayerIndex.End end) {
    this.file = file;
    this.end = end.byteSize();
    this.recordCount = end.recordCount();
    this.batch = end.batch();
  }

  /** Starts a layer's index; it is durable, name and all, with its first batch. */
  static IndexJournal create(Path path, int layer, long blockCount) {
    LinuxFile file = LinuxFile.open(path, LinuxFile.O_RDWR | LinuxFile.O_CREAT | LinuxFile.O_EXCL);
    IndexJournal journal =
        new IndexJournal(file, new OpenLayerIndex.End(OpenLayerIndex.HEADER_BYTES, 1, 0));
    try {
      OpenLayerIndex.putHeader(journal.buffer, layer, blockCount);
      file.write(journal.memory.address(), OpenLayerIndex.HEADER_BYTES, 0);
      journal.buffer.clear();
      return journal;
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /** Reads what a layer's index says and cuts off what a crash left half-written. */
  static IndexJournal recover(Path path, int layer, long blockCount, OpenLayerIndex.Sink sink) {
    if (!Files.exists(path)) {
      throw new SnapshotFormatException(path, 0, "the index of layer " + layer, "no file");
    }
    LinuxFile file = LinuxFile.open(path, LinuxFile.O_RDWR);
    try {
      OpenLayerIndex.End end = read(path, file, layer, blockCount, sink);
      // Records of the next batch must not have older ones behind them that look right.
      file.truncate(end.byteSize());
      file.sync();
      return new IndexJournal(file, end);
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  private static OpenLayerIndex.End read(
      Path path, LinuxFile file, int layer, long blockCount, OpenLayerIndex.Sink sink) {
    long byteSize = file.byteSize();
    if (byteSize > Integer.MAX_VALUE) {
      throw new SnapshotFormatException(path, byteSize, "an index below 2 GiB", "a longer one");
    }
    try (Mapping content = Mapping.anonymous(Math.max(1, byteSize), 0)) {
      long count = file.read(content.address(), byteSize, 0);
      ByteBuffer bytes = content.segment().asSlice(0, count).asByteBuffer();
      return OpenLayerIndex.read(path, bytes, layer, blockCount, sink);
    }
  }

  /**
   * Writes the records of one flush. If that fails, it is as never begun.
   *
   * @param blocks calls {@link #add} for each block, at least once
   */
  void write(Consumer<IndexJournal> blocks) {
    long start = end;
    int firstRecord = recordCount;
    runCount = 0;
    buffer.clear();
    try {
      blocks.accept(this);
      putRun(true);
      writeBuffer();
      batch++;
    } catch (RuntimeException | Error e) {
      end = start;
      recordCount = firstRecord;
      file.truncate(end);
      throw e;
    }
  }

  /** Makes what was written durable. */
  void sync() {
    file.sync();
  }

  /** Adds one block to the flush. */
  void add(long block, long slot, boolean zero) {
    boolean prolongs =
        runCount > 0
            && runCount < Integer.MAX_VALUE
            && block == runBlock + runCount
            && slot == runSlot + runCount
            && zero == runZero;
    if (!prolongs) {
      putRun(false);
      runBlock = block;
      runSlot = slot;
      runZero = zero;
    }
    runCount++;
  }

  private void putRun(boolean last) {
    if (runCount > 0) {
      if (!buffer.hasRemaining()) {
        writeBuffer();
      }
      OpenLayerIndex.putRecord(
          buffer, batch, recordCount, runBlock, runSlot, runCount, runZero, last);
      recordCount = Math.incrementExact(recordCount);
      runCount = 0;
    }
  }

  private void writeBuffer() {
    file.write(memory.address(), buffer.position(), end);
    end += buffer.position();
    buffer.clear();
  }

  /** How many records the file has, of which those that were overtaken are of no use any more. */
  int recordCount() {
    return recordCount;
  }

  @Override
  public void close() {
    file.close();
  }
}
