package dev.torpor.vmm.device.virtio;

import dev.torpor.vmm.memory.GuestMemory;

/**
 * The driver's side of one split virtqueue, written by hand: it builds any ring, right or wrong.
 */
final class DriverSide {
  static final int NEXT = 1;
  static final int WRITE = 2;
  static final int INDIRECT = 4;

  final GuestMemory memory;
  final int size;
  final long descriptorTable;
  final long availableRing;
  final long usedRing;

  /** Lays the queue's three parts out behind each other, from a 4 KiB boundary. */
  DriverSide(GuestMemory memory, long gpa, int size) {
    this.memory = memory;
    this.size = size;
    this.descriptorTable = gpa;
    this.availableRing = gpa + 16L * size;
    this.usedRing = (availableRing + 6 + 2L * size + 3) & -4;
  }

  /** Where free memory begins behind the queue. */
  long end() {
    return (usedRing + 6 + 8L * size + 4095) & -4096;
  }

  /** The device's side of this queue, activated. */
  VirtQueue activate(long features) {
    return activate(features, 0);
  }

  /** As the other, with both indices where a long life has left them. */
  VirtQueue activate(long features, int startIndex) {
    availableIndex(startIndex);
    memory.writeShort(usedRing + 2, (short) startIndex);
    VirtQueue queue = new VirtQueue(memory, 0, 1024);
    queue.restore(state(startIndex));
    queue.activate(features);
    return queue;
  }

  VirtQueueState state(int startIndex) {
    return new VirtQueueState(
        size, true, descriptorTable, availableRing, usedRing, startIndex, startIndex);
  }

  void descriptor(int index, long address, long byteCount, int flags, int next) {
    descriptorAt(descriptorTable + 16L * index, address, byteCount, flags, next);
  }

  void descriptorAt(long gpa, long address, long byteCount, int flags, int next) {
    memory.writeLong(gpa, address);
    memory.writeInt(gpa + 8, (int) byteCount);
    memory.writeShort(gpa + 12, (short) flags);
    memory.writeShort(gpa + 14, (short) next);
  }

  int availableIndex() {
    return memory.readShort(availableRing + 2) & 0xffff;
  }

  void availableIndex(int value) {
    memory.writeShortRelease(availableRing + 2, (short) value);
  }

  void availableFlags(int value) {
    memory.writeShort(availableRing, (short) value);
  }

  /** Puts a chain's head into the next slot and publishes it. */
  void offer(int head) {
    int index = availableIndex();
    memory.writeShort(availableRing + 4 + 2L * (index % size), (short) head);
    availableIndex(index + 1);
  }

  void usedEvent(int value) {
    memory.writeShort(availableRing + 4 + 2L * size, (short) value);
  }

  int availableEvent() {
    return memory.readShort(usedRing + 4 + 8L * size) & 0xffff;
  }

  int usedIndex() {
    return memory.readShortAcquire(usedRing + 2) & 0xffff;
  }

  int usedHead(int index) {
    return memory.readInt(usedRing + 4 + 8L * (index % size));
  }

  long usedByteCount(int index) {
    return memory.readInt(usedRing + 8 + 8L * (index % size)) & 0xffff_ffffL;
  }
}
