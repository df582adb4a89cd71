package dev.torpor.snapshot;

/**
 * Told of the pieces in which a layer is written, as they are: who knows the file system better can
 * have it take them faster, and begin with carrying them to the disk before the last is there. It
 * changes nothing of the file's bytes or length, and never throws: what the hints fail at is left
 * to {@link LayerWriter#sync}. For the threads that write the layer, one of which works at a time.
 */
public interface WriteHints extends AutoCloseable {
  /** Tells nobody. */
  WriteHints NONE =
      new WriteHints() {
        @Override
        public void before(long offset, long byteCount) {}

        @Override
        public void after(long offset, long byteCount) {}

        @Override
        public void close() {}
      };

  /**
   * A piece will be written at once.
   *
   * @param offset where in the file, in bytes
   * @param byteCount how many bytes; most pieces have {@value LayerWriter#WRITE_BYTES}
   */
  void before(long offset, long byteCount);

  /**
   * A piece was written. It may be written again later.
   *
   * @param offset where in the file, in bytes
   * @param byteCount how many bytes
   */
  void after(long offset, long byteCount);

  /** No more pieces will come. */
  @Override
  void close();
}
