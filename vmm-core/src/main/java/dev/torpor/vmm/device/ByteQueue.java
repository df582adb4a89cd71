package dev.torpor.vmm.device;

/** A bounded first-in-first-out queue of bytes that never allocates. Guarded by its owner. */
final class ByteQueue {
  private final byte[] ring;
  private int head;
  private int count;

  ByteQueue(int capacity) {
    ring = new byte[capacity];
  }

  int count() {
    return count;
  }

  boolean isFull() {
    return count == ring.length;
  }

  /** Takes a byte in. There must be room. */
  void add(byte value) {
    ring[(head + count) % ring.length] = value;
    count++;
  }

  /** Takes in as many bytes as there is room for, and returns how many. */
  int addAll(byte[] source, int offset, int byteCount) {
    int taken = Math.min(byteCount, ring.length - count);
    for (int i = 0; i < taken; i++) {
      add(source[offset + i]);
    }
    return taken;
  }

  /** Gives the oldest byte. There must be one. */
  byte remove() {
    byte value = ring[head];
    head = (head + 1) % ring.length;
    count--;
    return value;
  }

  void clear() {
    count = 0;
  }

  StateBytes capture() {
    byte[] bytes = new byte[count];
    for (int i = 0; i < count; i++) {
      bytes[i] = ring[(head + i) % ring.length];
    }
    return StateBytes.of(bytes);
  }

  /** Holds what the state holds, as far as there is room. */
  void restore(StateBytes state) {
    clear();
    addAll(state.toArray(), 0, state.byteCount());
  }
}
