package dev.torpor.vmm.memory;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;

/** A stack of small numbers, each in it at most once, for many threads; allocates nothing. */
final class IndexStack {
  private static final long INDEX = 0xffff_ffffL;

  private final AtomicIntegerArray below;

  /** The top plus one, 0 if empty, in the low half; in the high half a count of the changes. */
  private final AtomicLong top = new AtomicLong();

  IndexStack(int capacity) {
    below = new AtomicIntegerArray(capacity);
  }

  void push(int index) {
    while (true) {
      long seen = top.get();
      below.set(index, (int) seen);
      if (top.compareAndSet(seen, changed(seen) | index + 1)) {
        return;
      }
    }
  }

  /** Takes the top; -1 if there is none. */
  int pop() {
    while (true) {
      long seen = top.get();
      int index = (int) (seen & INDEX) - 1;
      if (index < 0) {
        return -1;
      }
      if (top.compareAndSet(seen, changed(seen) | below.get(index))) {
        return index;
      }
    }
  }

  /** A pop that was overtaken by a pop and a push of the same number must notice. */
  private static long changed(long seen) {
    return (seen & ~INDEX) + INDEX + 1;
  }
}
