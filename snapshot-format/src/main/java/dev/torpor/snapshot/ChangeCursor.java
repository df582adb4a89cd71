package dev.torpor.snapshot;

/** Walks changed blocks in ascending order; a map is built from it without a list in between. */
abstract class ChangeCursor {
  /** The block that the cursor stands on, once {@link #advance} has said true. */
  long block;

  /** Its new reference's head. */
  long head;

  /** Its new reference's offset. */
  long offset;

  /** Goes to the next change; false at the end. */
  abstract boolean advance();
}
