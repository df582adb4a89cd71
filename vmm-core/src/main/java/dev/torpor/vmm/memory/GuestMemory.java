package dev.torpor.vmm.memory;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.torpor.linux.LinuxException;
import dev.torpor.linux.Mapping;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.List;
import java.util.Objects;

/**
 * A guest's RAM, and the only way in which the VMM touches it.
 *
 * <p>Every access names a guest physical address and is checked against the {@linkplain
 * MemoryLayout layout}; an address that is not RAM throws {@link GuestAddressException}. A range
 * never crosses from one region into another. Multi-byte values are little-endian, as x86 is.
 *
 * <p>Reads and writes are plain, and may race with the guest, which is a guest's right: callers
 * read a value once, check it, and use what they read. Ring indices have ordered access of their
 * own. Safe for every thread until {@link #close()}, which comes after the VM that uses the memory
 * is closed.
 *
 * <p>While a {@link Pager} or a {@link CopyBehind} answers for the memory's page faults, an access
 * first makes its range present, and writable if it writes, on the calling thread, and holds a read
 * lock until it is done; whoever takes pages away or protects them holds that lock for writing.
 * Without one, an access costs one load more. System calls on {@link #hva} need no such care: the
 * kernel stops them in the thread's native state.
 */
public final class GuestMemory implements AutoCloseable {
  private static final VarHandle SHORT = JAVA_SHORT.varHandle();

  private final List<MemoryRegion> regions;
  private final HostMemory host;
  private final MemorySegment ram;
  private final long byteSize;
  private final long lowByteSize;
  private final Accesses accesses = new Accesses();

  /** The pages that the VMM wrote; null until somebody wants to know them. */
  private volatile WrittenPages written;

  private GuestMemory(List<MemoryRegion> regions, HostMemory host) {
    this.regions = regions;
    this.host = host;
    this.ram = host.mapping().segment();
    this.byteSize = ram.byteSize();
    this.lowByteSize = regions.getFirst().byteSize();
  }

  /**
   * Allocates memory of zeroes. Pages are taken from the host when they are first touched.
   *
   * @param byteSize a size that {@link MemoryLayout#regions} accepts
   * @param backing where it lives
   * @param transparentHugePages whether the host may serve it in pages of 2 MiB, which makes first
   *     touches some forty times cheaper; has no effect on hugetlbfs
   * @return the memory
   * @throws IllegalArgumentException if the size is out of range
   * @throws LinuxException ENOMEM if the host has no room for it
   * @throws IllegalStateException if too few huge pages are reserved for hugetlbfs
   */
  public static GuestMemory allocate(
      long byteSize, MemoryBacking backing, boolean transparentHugePages) {
    return new GuestMemory(
        MemoryLayout.regions(byteSize),
        HostMemory.allocate(byteSize, backing, transparentHugePages));
  }

  /**
   * Makes memory of pieces of files, each mapped copy-on-write: the files are never written. What
   * no piece covers is zero. Nothing is read before it is touched.
   *
   * @param byteSize a size that {@link MemoryLayout#regions} accepts
   * @param pieces where which part comes from; a later one covers an earlier
   * @return the memory
   * @throws IllegalArgumentException if the size is out of range
   * @throws LinuxException ENOMEM if the host has no room for it, or for so many pieces
   */
  public static GuestMemory mapped(long byteSize, List<FilePiece> pieces) {
    return new GuestMemory(MemoryLayout.regions(byteSize), HostMemory.mapped(byteSize, pieces));
  }

  /**
   * The whole size.
   *
   * @return the size in bytes, without the hole
   */
  public long byteSize() {
    return byteSize;
  }

  /**
   * How many pages there are.
   *
   * @return the number of pages of 4 KiB, without the hole
   */
  public long pageCount() {
    return byteSize / MemoryLayout.PAGE_BYTES;
  }

  /**
   * Where the backing memory begins.
   *
   * @return the HVA of page 0; all pages follow in one row, without the hole
   */
  public long address() {
    return host.mapping().address();
  }

  /**
   * The host virtual address of a page.
   *
   * @param page its index, as a {@link PageSet} counts
   * @return the HVA, valid until {@link #close()}
   * @throws IndexOutOfBoundsException if there is no such page
   */
  public long hvaOfPage(long page) {
    return host.mapping().address()
        + Objects.checkIndex(page, pageCount()) * MemoryLayout.PAGE_BYTES;
  }

  /**
   * Where RAM lies.
   *
   * @return the regions, in rising order of address
   */
  public List<MemoryRegion> regions() {
    return regions;
  }

  /**
   * Whether a range is RAM.
   *
   * @param gpa its first guest physical address, unsigned
   * @param byteCount its length, unsigned
   * @return whether all of it lies in one region; an empty range does where its address does
   */
  public boolean contains(long gpa, long byteCount) {
    return backingOffsetOrMinusOne(gpa, byteCount) >= 0;
  }

  /**
   * The host virtual address of a range, for system calls and memslots. Who writes there tells
   * {@link #markWritten} afterwards.
   *
   * @param gpa its first guest physical address
   * @param byteCount its length
   * @return the HVA, valid until {@link #close()}
   * @throws GuestAddressException if the range is not RAM
   */
  public long hva(long gpa, long byteCount) {
    return host.mapping().address() + backingOffset(gpa, byteCount);
  }

  /**
   * Reads a byte.
   *
   * @param gpa the guest physical address
   * @return its value
   * @throws GuestAddressException if it is not RAM
   */
  public byte readByte(long gpa) {
    long offset = backingOffset(gpa, 1);
    long stamp = accesses.beginRead(offset, 1);
    try {
      return ram.get(JAVA_BYTE, offset);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Reads 16 bits.
   *
   * @param gpa the guest physical address
   * @return their value
   * @throws GuestAddressException if they are not RAM
   */
  public short readShort(long gpa) {
    long offset = backingOffset(gpa, 2);
    long stamp = accesses.beginRead(offset, 2);
    try {
      return ram.get(JAVA_SHORT_UNALIGNED, offset);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Reads 32 bits.
   *
   * @param gpa the guest physical address
   * @return their value
   * @throws GuestAddressException if they are not RAM
   */
  public int readInt(long gpa) {
    long offset = backingOffset(gpa, 4);
    long stamp = accesses.beginRead(offset, 4);
    try {
      return ram.get(JAVA_INT_UNALIGNED, offset);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Reads 64 bits.
   *
   * @param gpa the guest physical address
   * @return their value
   * @throws GuestAddressException if they are not RAM
   */
  public long readLong(long gpa) {
    long offset = backingOffset(gpa, 8);
    long stamp = accesses.beginRead(offset, 8);
    try {
      return ram.get(JAVA_LONG_UNALIGNED, offset);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Writes a byte.
   *
   * @param gpa the guest physical address
   * @param value the value
   * @throws GuestAddressException if it is not RAM
   */
  public void writeByte(long gpa, byte value) {
    long offset = backingOffset(gpa, 1);
    long stamp = accesses.beginWrite(offset, 1);
    try {
      ram.set(JAVA_BYTE, offset, value);
      markOffset(offset, 1);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Writes 16 bits.
   *
   * @param gpa the guest physical address
   * @param value the value
   * @throws GuestAddressException if they are not RAM
   */
  public void writeShort(long gpa, short value) {
    long offset = backingOffset(gpa, 2);
    long stamp = accesses.beginWrite(offset, 2);
    try {
      ram.set(JAVA_SHORT_UNALIGNED, offset, value);
      markOffset(offset, 2);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Writes 32 bits.
   *
   * @param gpa the guest physical address
   * @param value the value
   * @throws GuestAddressException if they are not RAM
   */
  public void writeInt(long gpa, int value) {
    long offset = backingOffset(gpa, 4);
    long stamp = accesses.beginWrite(offset, 4);
    try {
      ram.set(JAVA_INT_UNALIGNED, offset, value);
      markOffset(offset, 4);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Writes 64 bits.
   *
   * @param gpa the guest physical address
   * @param value the value
   * @throws GuestAddressException if they are not RAM
   */
  public void writeLong(long gpa, long value) {
    long offset = backingOffset(gpa, 8);
    long stamp = accesses.beginWrite(offset, 8);
    try {
      ram.set(JAVA_LONG_UNALIGNED, offset, value);
      markOffset(offset, 8);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Reads 16 bits before everything that the caller reads later: a ring index that another
   * processor publishes.
   *
   * @param gpa the guest physical address, even
   * @return their value
   * @throws GuestAddressException if they are not RAM
   */
  public short readShortAcquire(long gpa) {
    long offset = backingOffset(gpa, 2);
    long stamp = accesses.beginRead(offset, 2);
    try {
      return (short) SHORT.getAcquire(ram, offset);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Writes 16 bits after everything that the caller wrote before: a ring index that publishes it.
   *
   * @param gpa the guest physical address, even
   * @param value the value
   * @throws GuestAddressException if they are not RAM
   */
  public void writeShortRelease(long gpa, short value) {
    long offset = backingOffset(gpa, 2);
    long stamp = accesses.beginWrite(offset, 2);
    try {
      SHORT.setRelease(ram, offset, value);
      markOffset(offset, 2);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Copies out of guest memory.
   *
   * @param gpa the first guest physical address
   * @param target where to; filled whole
   * @throws GuestAddressException if the range is not RAM
   */
  public void read(long gpa, MemorySegment target) {
    long byteCount = target.byteSize();
    long offset = backingOffset(gpa, byteCount);
    long stamp = accesses.beginRead(offset, byteCount);
    try {
      MemorySegment.copy(ram, offset, target, 0, byteCount);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Copies into guest memory.
   *
   * @param gpa the first guest physical address
   * @param source what; copied whole
   * @throws GuestAddressException if the range is not RAM
   */
  public void write(long gpa, MemorySegment source) {
    long byteCount = source.byteSize();
    long offset = backingOffset(gpa, byteCount);
    long stamp = accesses.beginWrite(offset, byteCount);
    try {
      MemorySegment.copy(source, 0, ram, offset, byteCount);
      markOffset(offset, byteCount);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Has the host bring pages in from their files, beside the caller, so that touching them later
   * waits less.
   *
   * @param firstPage the first of them
   * @param count how many
   */
  public void readAhead(long firstPage, long count) {
    host.mapping()
        .advise(
            firstPage * MemoryLayout.PAGE_BYTES,
            count * MemoryLayout.PAGE_BYTES,
            Mapping.Advice.WILL_NEED);
  }

  /**
   * Copies one page out of guest memory.
   *
   * @param page which
   * @param target where to
   * @param targetOffset where in {@code target}, in bytes
   */
  public void readPage(long page, MemorySegment target, long targetOffset) {
    long offset = page * MemoryLayout.PAGE_BYTES;
    long stamp = accesses.beginRead(offset, MemoryLayout.PAGE_BYTES);
    try {
      MemorySegment.copy(ram, offset, target, targetOffset, MemoryLayout.PAGE_BYTES);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Copies consecutive pages into guest memory, without a mark: it is for who puts pages back as
   * they were, and knows what that means for tracking.
   *
   * @param firstPage the first of them
   * @param source their bytes; copied whole
   */
  public void writePages(long firstPage, MemorySegment source) {
    long offset = firstPage * MemoryLayout.PAGE_BYTES;
    long byteCount = source.byteSize();
    long stamp = accesses.beginWrite(offset, byteCount);
    try {
      MemorySegment.copy(source, 0, ram, offset, byteCount);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Fills a range with one byte.
   *
   * @param gpa the first guest physical address
   * @param byteCount the range's length
   * @param value the byte
   * @throws GuestAddressException if the range is not RAM
   */
  public void fill(long gpa, long byteCount, byte value) {
    long offset = backingOffset(gpa, byteCount);
    long stamp = accesses.beginWrite(offset, byteCount);
    try {
      ram.asSlice(offset, byteCount).fill(value);
      markOffset(offset, byteCount);
    } finally {
      accesses.end(stamp);
    }
  }

  /**
   * Tells that the VMM has written to guest memory by other means than this class's: a system call
   * that was given an {@link #hva}, for instance. Called after the write, also after one that
   * failed half-way.
   *
   * @param gpa the first guest physical address
   * @param byteCount how many bytes may have changed
   * @throws GuestAddressException if the range is not RAM
   */
  public void markWritten(long gpa, long byteCount) {
    markOffset(backingOffset(gpa, byteCount), byteCount);
  }

  /**
   * The fence makes the write visible before the mark is looked at: without it, a mark that is in
   * place already could be taken, and the page read, between the two.
   */
  private void markOffset(long offset, long byteCount) {
    VarHandle.fullFence();
    WrittenPages marks = written;
    if (marks != null && byteCount > 0) {
      marks.mark(
          offset / MemoryLayout.PAGE_BYTES, (offset + byteCount - 1) / MemoryLayout.PAGE_BYTES);
    }
  }

  /**
   * Marks the pages that the VMM writes from now on, for {@link #takeWritten}. A {@link
   * DirtyTracker} that starts does so; a second call does nothing.
   */
  public synchronized void startMarking() {
    if (written == null) {
      written = new WrittenPages(pageCount());
    }
  }

  /**
   * Moves the marks of the pages that the VMM wrote into a set. One thread at a time. What is then
   * read from the pages has the writes that were marked.
   *
   * @param target the set to add to, of {@link #pageCount()} pages; nothing is added before {@link
   *     #startMarking}
   */
  public void takeWritten(PageSet target) {
    WrittenPages marks = written;
    if (marks != null) {
      marks.takeInto(target);
    }
  }

  /**
   * Adds the pages of a memory that is a file of its own and that the host has given it, wherever
   * the host keeps them: the page tables do not tell of those that were swapped out, or made huge.
   *
   * @param target the set to add to, of {@link #pageCount()} pages
   * @return false if this is no such memory; nothing is added then
   * @throws LinuxException if the host does not tell
   */
  public boolean addAllocated(PageSet target) {
    return host.addAllocated(target);
  }

  /** Gives the memory back to the host. No VM and no thread may use it any more. */
  @Override
  public void close() {
    host.close();
  }

  MemoryBacking backing() {
    return host.backing();
  }

  /** The mapping itself, for who answers its page faults. */
  Mapping mapping() {
    return host.mapping();
  }

  /** What keeps pages accessible while Java code accesses them. */
  Accesses accesses() {
    return accesses;
  }

  private long backingOffset(long gpa, long byteCount) {
    long offset = backingOffsetOrMinusOne(gpa, byteCount);
    if (offset < 0) {
      throw new GuestAddressException(gpa, byteCount);
    }
    return offset;
  }

  /** Both arguments are unsigned and hostile; no sum is formed before it is known not to wrap. */
  private long backingOffsetOrMinusOne(long gpa, long byteCount) {
    if (gpa < 0 || byteCount < 0) {
      return -1;
    }
    if (gpa < lowByteSize) {
      return byteCount <= lowByteSize - gpa ? gpa : -1;
    }
    if (regions.size() == 1 || gpa < MemoryLayout.HOLE_END) {
      return -1;
    }
    long offset = gpa - MemoryLayout.HOLE_END + MemoryLayout.HOLE_START;
    return offset < byteSize && byteCount <= byteSize - offset ? offset : -1;
  }
}
