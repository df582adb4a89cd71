package dev.torpor.snapshot;

/** Where an {@link ImageWriter} has put which block, and with which checksum. */
abstract class BlockTable {
  /**
   * Notes new content of a block.
   *
   * @return where in the layer it belongs: the block's old place if it has one
   */
  abstract long store(long block, int checksum);

  /**
   * Notes that a block is not stored.
   *
   * @param absent whether it is absent in the child, for the parent has it; false if the child has
   *     it from the parent
   * @return the place that it had, which nothing needs any more; 0 if it had none
   */
  abstract long drop(long block, boolean absent);

  /** What became different from the parent, in ascending order. */
  abstract ChangeCursor changes();
}
