package dev.torpor.vmm.device.virtio;

import dev.torpor.vmm.GuestProtocolException;
import dev.torpor.vmm.memory.GuestMemory;
import java.lang.invoke.VarHandle;
import java.util.Objects;

/**
 * The device's side of a split virtqueue (2.7).
 *
 * <pre>
 * descriptor table   size entries of 16 bytes: address, length, flags, next
 * available ring     flags, idx, size heads, used_event      the driver writes, the device reads
 * used ring          flags, idx, size (head, length), avail_event         the other way round
 * </pre>
 *
 * <p>The driver is hostile and may change all of it at any time. Every value is read once, checked,
 * and then used; the work for one request is bounded by the queue's size. A breach is a {@link
 * GuestProtocolException}, after which the device needs a reset.
 *
 * <p>The transport sets a queue up and activates it; from then on it belongs to the thread that
 * processes it.
 */
public final class VirtQueue {
  /** The largest size that the specification knows. */
  public static final int MAX_SIZE = 1 << 15;

  private static final int DESCRIPTOR_BYTES = 16;
  private static final int NEXT = 1;
  private static final int WRITE = 2;
  private static final int INDIRECT = 4;
  private static final int NO_INTERRUPT = 1;

  private static final int INDEX_OFFSET = 2;
  private static final int RING_OFFSET = 4;
  private static final int AVAILABLE_ENTRY_BYTES = 2;
  private static final int USED_ENTRY_BYTES = 8;
  private static final int INDEX_MASK = 0xffff;
  private static final long MAX_CHAIN_BYTES = 1L << 32;

  private final GuestMemory memory;
  private final int index;
  private final int maxSize;

  private int size;
  private boolean ready;
  private long descriptorTable;
  private long availableRing;
  private long usedRing;

  private boolean indirectAllowed;
  private boolean eventIndex;
  private int nextAvailable;
  private int nextUsed;

  /** What {@code nextUsed} was when the driver was last considered for an interrupt. */
  private int consideredUsed;

  VirtQueue(GuestMemory memory, int index, int maxSize) {
    if (maxSize < 1 || maxSize > MAX_SIZE || Integer.bitCount(maxSize) != 1) {
      throw new IllegalArgumentException(
          "queue %d of at most %d descriptors: must be a power of two up to %d"
              .formatted(index, maxSize, MAX_SIZE));
    }
    this.memory = memory;
    this.index = index;
    this.maxSize = maxSize;
  }

  /**
   * Which queue of its device this is.
   *
   * @return the index, from 0
   */
  public int index() {
    return index;
  }

  /**
   * How many descriptors the device allows.
   *
   * @return a power of two
   */
  public int maxSize() {
    return maxSize;
  }

  /**
   * Whether the driver has enabled the queue.
   *
   * @return whether it is ready
   */
  public boolean isReady() {
    return ready;
  }

  void setReady(boolean ready) {
    this.ready = ready;
  }

  void setSize(int size) {
    this.size = size;
  }

  long descriptorTable() {
    return descriptorTable;
  }

  void setDescriptorTable(long gpa) {
    descriptorTable = gpa;
  }

  long availableRing() {
    return availableRing;
  }

  void setAvailableRing(long gpa) {
    availableRing = gpa;
  }

  long usedRing() {
    return usedRing;
  }

  void setUsedRing(long gpa) {
    usedRing = gpa;
  }

  void reset() {
    restore(new VirtQueueState(0, false, 0, 0, 0, 0, 0));
  }

  /**
   * The state to keep, while nothing processes the queue.
   *
   * @return the state
   */
  public VirtQueueState capture() {
    return new VirtQueueState(
        size, ready, descriptorTable, availableRing, usedRing, nextAvailable, nextUsed);
  }

  /**
   * Takes up a captured state. A queue that is to be processed must then be activated.
   *
   * @param state the state
   */
  public void restore(VirtQueueState state) {
    size = state.size();
    ready = state.ready();
    descriptorTable = state.descriptorTable();
    availableRing = state.availableRing();
    usedRing = state.usedRing();
    nextAvailable = state.nextAvailable();
    nextUsed = state.nextUsed();
  }

  /**
   * Checks what the driver has set up, once it is complete (2.7: sizes and alignments).
   *
   * @param driverFeatures the features that were negotiated
   * @throws GuestProtocolException if the size or a ring's place is impossible
   */
  void activate(long driverFeatures) {
    if (size < 1 || size > maxSize || Integer.bitCount(size) != 1) {
      throw breach(
          "size %s found, must be a power of two, limit %d"
              .formatted(Integer.toUnsignedString(size), maxSize));
    }
    checkPlace("descriptor table", descriptorTable, DESCRIPTOR_BYTES * size, DESCRIPTOR_BYTES);
    checkPlace("available ring", availableRing, usedEventOffset() + Short.BYTES, Short.BYTES);
    checkPlace("used ring", usedRing, availableEventOffset() + Short.BYTES, Integer.BYTES);
    indirectAllowed = (driverFeatures & VirtioFeatures.INDIRECT_DESCRIPTORS) != 0;
    eventIndex = (driverFeatures & VirtioFeatures.EVENT_INDEX) != 0;
    consideredUsed = nextUsed;
  }

  private void checkPlace(String part, long gpa, int byteCount, int alignment) {
    if (gpa % alignment != 0) {
      throw breach("%s found at 0x%x, must be aligned to %d bytes".formatted(part, gpa, alignment));
    }
    if (!memory.contains(gpa, byteCount)) {
      throw breach(
          "%s of %d bytes at 0x%x lies outside guest memory".formatted(part, byteCount, gpa));
    }
  }

  private int usedEventOffset() {
    return RING_OFFSET + AVAILABLE_ENTRY_BYTES * size;
  }

  private int availableEventOffset() {
    return RING_OFFSET + USED_ENTRY_BYTES * size;
  }

  /**
   * Takes the next request. Where none is left, the driver is asked to notify when it offers one
   * (2.7.10), so that none is missed.
   *
   * @param chain filled with the request
   * @return whether there was one; never on a queue that is not ready
   * @throws GuestProtocolException if the driver broke the ring's rules
   */
  public boolean next(DescriptorChain chain) {
    if (!ready || !requestIsPending()) {
      return false;
    }
    long slot = nextAvailable & (size - 1);
    int head =
        memory.readShort(availableRing + RING_OFFSET + slot * AVAILABLE_ENTRY_BYTES) & INDEX_MASK;
    if (head >= size) {
      throw breach(
          "available ring slot %d holds descriptor %d, limit %d".formatted(slot, head, size));
    }
    chain.begin(index, head);
    walk(chain);
    chain.end();
    nextAvailable = (nextAvailable + 1) & INDEX_MASK;
    return true;
  }

  private boolean requestIsPending() {
    if (pendingCount() > 0) {
      return true;
    }
    if (!eventIndex) {
      return false;
    }
    memory.writeShortRelease(usedRing + availableEventOffset(), (short) nextAvailable);
    // The driver stores idx and then loads avail_event; the device stores avail_event and then
    // loads idx. Unless both order the two, each may miss the other.
    VarHandle.fullFence();
    return pendingCount() > 0;
  }

  private int pendingCount() {
    // Acquire: the ring's slots and the descriptors are read after the index that publishes them.
    int available = memory.readShortAcquire(availableRing + INDEX_OFFSET) & INDEX_MASK;
    int pending = (available - nextAvailable) & INDEX_MASK;
    if (pending > size) {
      throw breach(
          "available index %d found, which is %d ahead of %d, limit %d"
              .formatted(available, pending, nextAvailable, size));
    }
    return pending;
  }

  /** Follows a chain from its head, into one indirect table at most (2.7.5.3). */
  private void walk(DescriptorChain chain) {
    long table = descriptorTable;
    int tableSize = size;
    int descriptor = chain.head();
    boolean indirect = false;
    while (true) {
      long gpa = table + (long) descriptor * DESCRIPTOR_BYTES;
      long address = memory.readLong(gpa);
      long rest = memory.readLong(gpa + Long.BYTES);
      long byteCount = rest & 0xffff_ffffL;
      int flags = (int) (rest >>> 32) & 0xffff;
      if ((flags & INDIRECT) != 0) {
        checkIndirect(descriptor, address, byteCount, flags, indirect);
        table = address;
        tableSize = (int) (byteCount / DESCRIPTOR_BYTES);
        descriptor = 0;
        indirect = true;
        continue;
      }
      addBuffer(chain, descriptor, address, byteCount, (flags & WRITE) != 0);
      if ((flags & NEXT) == 0) {
        return;
      }
      int next = (int) (rest >>> 48);
      if (next >= tableSize) {
        throw breach(
            "descriptor %d names next %d, limit %d".formatted(descriptor, next, tableSize));
      }
      descriptor = next;
    }
  }

  private void checkIndirect(
      int descriptor, long address, long byteCount, int flags, boolean insideIndirect) {
    if (!indirectAllowed) {
      throw breach("descriptor %d is indirect, which was not negotiated".formatted(descriptor));
    }
    if (insideIndirect) {
      throw breach(
          "descriptor %d of an indirect table is indirect, limit 1 level".formatted(descriptor));
    }
    if ((flags & NEXT) != 0) {
      throw breach(
          "descriptor %d is indirect and has a next, limit one of both".formatted(descriptor));
    }
    if (byteCount == 0 || byteCount % DESCRIPTOR_BYTES != 0) {
      throw breach(
          "descriptor %d names an indirect table of %d bytes, must be a multiple of %d"
              .formatted(descriptor, byteCount, DESCRIPTOR_BYTES));
    }
    if (!memory.contains(address, byteCount)) {
      throw breach(
          "descriptor %d names an indirect table of %d bytes at 0x%x, outside guest memory"
              .formatted(descriptor, byteCount, address));
    }
  }

  private void addBuffer(
      DescriptorChain chain, int descriptor, long address, long byteCount, boolean writable) {
    if (chain.bufferCount() == size) {
      throw breach(
          "descriptor %d continues the chain of head %d, which loops or is too long, limit %d"
              .formatted(descriptor, chain.head(), size));
    }
    if (!writable && chain.readableCount() < chain.bufferCount()) {
      throw breach("descriptor %d is readable but follows a writable one".formatted(descriptor));
    }
    if (!memory.contains(address, byteCount)) {
      throw breach(
          "descriptor %d names a buffer of %d bytes at 0x%x, outside guest memory"
              .formatted(descriptor, byteCount, address));
    }
    long total = chain.readableByteCount() + chain.writableByteCount() + byteCount;
    if (total > MAX_CHAIN_BYTES) {
      throw breach(
          "descriptor %d makes the chain of head %d %d bytes long, limit %d"
              .formatted(descriptor, chain.head(), total, MAX_CHAIN_BYTES));
    }
    chain.add(address, byteCount, writable);
  }

  /**
   * Gives a request back to the driver (2.7.8).
   *
   * @param head the request's {@link DescriptorChain#head()}
   * @param writtenByteCount how many bytes were certainly written, counted from the first writable
   *     one
   */
  public void complete(int head, long writtenByteCount) {
    Objects.checkIndex(head, size);
    long slot = nextUsed & (size - 1);
    long entry = usedRing + RING_OFFSET + slot * USED_ENTRY_BYTES;
    memory.writeInt(entry, head);
    memory.writeInt(entry + Integer.BYTES, (int) writtenByteCount);
    nextUsed = (nextUsed + 1) & INDEX_MASK;
    // Release: the entry, and the data, are visible before the index that publishes them.
    memory.writeShortRelease(usedRing + INDEX_OFFSET, (short) nextUsed);
  }

  /**
   * Whether the driver wants an interrupt for what was completed since the last call (2.7.7). Asked
   * once after each batch of at most 32,768 requests.
   *
   * @return whether to raise one
   */
  public boolean shouldInterrupt() {
    int completed = (nextUsed - consideredUsed) & INDEX_MASK;
    if (completed == 0) {
      return false;
    }
    consideredUsed = nextUsed;
    // The device stores idx and then loads the driver's wish; the driver stores its wish and then
    // loads idx. Unless both order the two, the driver may sleep for ever.
    VarHandle.fullFence();
    if (!eventIndex) {
      return (memory.readShort(availableRing) & NO_INTERRUPT) == 0;
    }
    int usedEvent = memory.readShort(availableRing + usedEventOffset()) & INDEX_MASK;
    // Wanted if the index passed used_event: if used_event + 1 is among the last ones.
    return ((nextUsed - usedEvent - 1) & INDEX_MASK) < completed;
  }

  private GuestProtocolException breach(String found) {
    return new GuestProtocolException("queue " + index + ": " + found);
  }
}
